// What the console alone says to the server and hears from it. Times are RFC 3339, UTC.

import type { EventView } from '../api/types';

export type { EventState, EventView } from '../api/types';
export type StaffRole = 'moderator' | 'artist';

export interface EventAdmin extends EventView {
  id: string;
  streamUrl: string;
  landingPage: string;
  endedAt: string | null;
  tickets: { fan: number; artist: number; moderator: number; revoked: number; entered: number };
  chatState: ProvisionEvent | null;
  archive: { messages: number; bytes: number; sha256: string; exportedAt: string } | null;
}

export interface EventInput {
  name: string;
  artist: string;
  description: string;
  timeZone: string;
  /** Wall clock in timeZone, without one: 2026-11-22T20:00. */
  startsAt: string;
  doorsAt: string;
  /** http(s), or a path on this server. */
  streamUrl: string;
  chat: boolean;
  /** Left out, the server makes one from the name. */
  slug?: string;
}

/** One show at the chat provider; the figures count users, memberships, channel and moderators together. */
export interface ProvisionEvent {
  eventId: string;
  made: number;
  toMake: number;
  toDelete: number;
  failed: number;
  wanted: number;
  readyAt: string | null;
  /** readyAt to doors; negative = too late. */
  slackSeconds: number | null;
  state: 'none' | 'making' | 'ready' | 'failing' | 'deleting' | 'gone';
}

export interface ProvisionFailure {
  eventId: string;
  kind: string;
  subject: string;
  attempts: number;
  error: string;
  nextTryAt: string | null;
}

export interface ProvisionStatus {
  leader: { holder: string; epoch: number } | null;
  /** Measured over the last 10 s. */
  callsPerSecond: number;
  /** Such as "10/s". */
  limit: string;
  paused: boolean;
  events: ProvisionEvent[];
  failures: ProvisionFailure[];
}

export interface ConsoleView {
  organizer: { name: string };
  events: EventAdmin[];
  provision: ProvisionStatus;
  serverTime: string;
}

export interface StaffCode {
  role: StaffRole;
  code: string;
}

export interface RefusedLine {
  line: number;
  reason: string;
  excerpt: string;
}

export interface ImportReport {
  layout: 'pretix' | 'eventbrite' | 'generic';
  lines: number;
  new: number;
  known: number;
  revoked: number;
  /** All refused lines; the list below may be cut. */
  refusedCount: number;
  refused: RefusedLine[];
}
