import { render, screen } from '@testing-library/svelte';
import { describe, expect, it } from 'vitest';
import { sampleChat, sampleEvent } from './samples';
import type { EventAdmin, ProvisionEvent } from './types';
import DeletionReport from './DeletionReport.svelte';
import { timeline } from './timeline';
import Timeline from './Timeline.svelte';

const archive = { messages: 18233, bytes: 4_123_881, sha256: '9f86d081884c7d65', exportedAt: '2026-11-22T22:00:00.000Z', sealed: true, waitsUntil: null };
const now = Date.parse('2026-11-22T22:04:00Z');
const statuses = (event: EventAdmin, chat: ProvisionEvent | null, mostSeen: number) => timeline(event, chat, mostSeen, now).map((s) => `${s.id} ${s.status}`);

describe('after the show', () => {
  it('has no steps before the end', () => {
    expect(timeline(sampleEvent({ state: 'live' }), null, 0, now)).toEqual([]);
  });
  it('exports before anything is deleted', () => {
    expect(statuses(sampleEvent({ state: 'ended' }), sampleChat({ made: 803 }), 803)).toEqual(['ended done', 'archive-done now', 'deleting waiting', 'purged waiting']);
  });
  it('counts deleted resources against the most that were there', () => {
    const steps = timeline(sampleEvent({ state: 'archived', archive }), sampleChat({ made: 300, toDelete: 300, state: 'deleting' }), 803, now);
    expect(steps.map((s) => s.status)).toEqual(['done', 'done', 'now', 'waiting']);
    expect(steps[2]?.detail).toBe('503 of 803 deleted.');
  });
  it('never says more deleted than there were, for a page opened late', () => {
    const steps = timeline(sampleEvent({ state: 'archived', archive }), sampleChat({ toDelete: 300, state: 'deleting' }), 0, now);
    expect(steps[2]?.detail).toBe('0 of 300 deleted.');
  });
  it('is all done when the show is purged', () => {
    expect(statuses(sampleEvent({ state: 'purged', archive }), null, 803)).toEqual(['ended done', 'archive-done done', 'deleting done', 'purged done']);
  });
  it('has nothing to export where there was no chat', () => {
    expect(statuses(sampleEvent({ state: 'purged', chat: false }), null, 0)).toEqual(['ended done', 'purged done']);
  });
});

describe('between export and seal', () => {
  const waiting = { ...archive, sealed: false, waitsUntil: '2026-11-22T22:43:00.000Z' };
  it('says until when a browser may have a key, and that nothing is deleted before', () => {
    const steps = timeline(sampleEvent({ state: 'ended', archive: waiting }), sampleChat({ made: 803 }), 803, now);
    expect(steps.map((s) => s.status)).toEqual(['done', 'done', 'now', 'waiting']);
    expect(steps[2]).toMatchObject({ title: 'Waiting to delete the chat' });
    expect(steps[2]?.detail).toContain('Until 23:43 a browser');
  });
  it('reads once more when nobody has one', () => {
    const steps = timeline(sampleEvent({ state: 'ended', archive: { ...waiting, waitsUntil: null } }), sampleChat({ made: 803 }), 803, now);
    expect(steps[2]?.detail).toContain('read once more');
  });
});

describe('a cancelled show', () => {
  const silent = { ...archive, messages: 0, bytes: 120 };
  it('is exported and deleted like one that has ended', () => {
    expect(statuses(sampleEvent({ state: 'cancelled' }), sampleChat({ made: 803 }), 803)).toEqual(['cancelled done', 'archive-done now', 'deleting waiting', 'purged waiting']);
    const steps = timeline(sampleEvent({ state: 'cancelled', archive: silent }), sampleChat({ toDelete: 300, state: 'deleting' }), 803, now);
    expect(steps.map((s) => s.detail)).toEqual([
      'Its page says so. Nobody is let in, and no tickets are taken.',
      'Nothing was said in the chat.',
      '503 of 803 deleted.',
      'The last step. Un-cancelled, the show gets a new chat.',
    ]);
    expect(statuses(sampleEvent({ state: 'cancelled', archive: silent }), sampleChat({ state: 'gone' }), 803)).toEqual(['cancelled done', 'archive-done done', 'deleting done', 'purged done']);
  });
  it('offers no file in which nothing stands', () => {
    render(Timeline, { event: sampleEvent({ state: 'cancelled', archive: silent }), chat: null, mostSeen: 9, now });
    expect(screen.queryByTestId('archive-download')).toBeNull();
  });
});

it('reports what was deleted, and that nothing is left', () => {
  const deletion = {
    beganAt: '2026-11-22T22:00:00Z', finishedAt: '2026-11-22T22:01:30Z', calls: 3, instances: 1, channels: 1, accounts: 1002, memberships: 1001, moderators: 1,
    messages: 18233, sha256: archive.sha256,
  };
  render(DeletionReport, { deletion, zone: 'Europe/Berlin' });
  const text = () => screen.getByTestId('deletion-report').textContent?.replace(/\s+/g, ' ') ?? '';
  expect(text()).toContain('Nothing of this show is left');
  expect(text()).toContain('Accounts1,002');
  expect(text()).toMatch(/3 calls in 2 min, done Sun.*2026.*23:01/);
  expect(text()).toContain('sealed with 18,233 messages');
});

describe('the timeline on the page', () => {
  it('offers the exported history with its size, sum and download', () => {
    render(Timeline, { event: sampleEvent({ state: 'archived', archive }), chat: sampleChat({ toDelete: 3, state: 'deleting' }), mostSeen: 9, now });
    expect(screen.getByTestId('archive-done').textContent).toContain('18,233 messages, 4.1 MB.');
    expect(screen.getByTestId('archive-done').textContent).toContain('4 min ago');
    expect(screen.getByTestId('archive-download').getAttribute('href')).toBe('/api/v1/console/events/ev1/archive');
    expect(screen.getByText(archive.sha256)).toBeTruthy();
  });
  it('says purged only when it is', () => {
    const { rerender } = render(Timeline, { event: sampleEvent({ state: 'archived', archive }), chat: null, mostSeen: 9, now });
    expect(screen.queryByTestId('purged')).toBeNull();
    void rerender({ event: sampleEvent({ state: 'purged', archive }), chat: null, mostSeen: 9, now });
    return screen.findByTestId('purged');
  });
});
