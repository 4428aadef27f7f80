// A show, its chat and a resource as the server would tell them, for the tests beside this file.

import type { EventAdmin, ProvisionEvent, ProvisionStatus, Resource } from './types';

export function sampleEvent(change: Partial<EventAdmin> = {}): EventAdmin {
  return {
    id: 'ev1',
    slug: 'winter-songs',
    name: 'Winter Songs',
    artist: 'Mira Sol',
    description: '',
    startsAt: '2026-11-22T19:30:00.000Z',
    doorsAt: '2026-11-22T19:00:00.000Z',
    timeZone: 'Europe/Berlin',
    chat: true,
    state: 'scheduled',
    serverTime: '2026-11-22T17:00:00.000Z',
    streamUrl: '/test-stream/live.m3u8',
    landingPage: '/e/winter-songs',
    endedAt: null,
    tickets: { fan: 1000, artist: 1, moderator: 1, revoked: 0, entered: 0 },
    chatState: null,
    archive: null,
    deletion: null,
    ...change,
  };
}

export function sampleChat(change: Partial<ProvisionEvent> = {}): ProvisionEvent {
  return {
    eventId: 'ev1',
    name: 'Winter Songs',
    slug: 'winter-songs',
    timeZone: 'Europe/Berlin',
    doorsAt: '2026-11-22T19:00:00.000Z',
    made: 0,
    toMake: 0,
    toDelete: 0,
    failed: 0,
    wanted: 0,
    unplanned: 0,
    readyAt: null,
    slackSeconds: null,
    state: 'making',
    place: null,
    callsLeft: [],
    bound: '',
    warnings: [],
    ...change,
  };
}

export function sampleStatus(change: Partial<ProvisionStatus> = {}): ProvisionStatus {
  return {
    leader: { holder: 'a', epoch: 1, ageSeconds: 0.4 },
    callsPerSecond: 0,
    limit: '10/s',
    paused: false,
    drained: false,
    inFlight: 0,
    places: { used: 1, most: 100 },
    rates: [],
    events: [],
    failures: [],
    alarms: [],
    askedAt: '2026-11-22T17:00:00.000Z',
    ...change,
  };
}

export function sampleResource(change: Partial<Resource> = {}): Resource {
  return {
    eventId: 'ev1',
    subject: 'tk1',
    kind: 'user',
    state: 'made',
    role: 'fan',
    wanted: true,
    wantName: 'Anna K',
    name: 'Anna K',
    arn: 'arn:aws:chime:us-east-1:000000000000:app-instance/6f1d/user/f-tk1',
    known: 'made',
    task: '',
    inFlight: false,
    generation: 1,
    attempts: 0,
    error: '',
    nextTryAt: null,
    madeAt: '2026-11-22T16:50:00.000Z',
    nickname: 'Anna K',
    reference: 'ABCDE-1',
    ...change,
  };
}
