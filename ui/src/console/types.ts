// What the console says to the server and hears from it, by the names the console uses. The shapes come from the
// server's own types (openapi.json → src/api/schema.gen.ts, `npm run types`); only words that Go writes as plain
// strings are narrowed here. Times are RFC 3339, UTC.

import type { components } from '../api/schema.gen';

type Schema = components['schemas'];

export type StaffCode = Schema['StaffCode'];
export type StaffRole = StaffCode['role'];
export type EventInput = Schema['EventInput'];
export type ImportReport = Schema['ImportReport'];
export type RefusedLine = Schema['RefusedLine'];
export type ProvisionFailure = Schema['Failure'];
/** What was deleted at the chat provider after a show. */
export type Deletion = Schema['Deletion'];

/** One show at the chat provider; the figures count the channel, accounts, memberships and moderator roles together. */
export type ProvisionEvent = Omit<Schema['Event'], 'state'> & {
  /** none: nothing is wanted. failing: some is set aside until a person looks. gone: nothing is left at the provider. */
  state: 'none' | 'making' | 'ready' | 'failing' | 'deleting' | 'gone';
};

export type EventAdmin = Omit<Schema['EventAdmin'], 'chatState'> & { chatState: ProvisionEvent | null };
export type EventState = EventAdmin['state'];

export type ProvisionStatus = Omit<Schema['Status'], 'events'> & { events: ProvisionEvent[] };

export type ConsoleView = Omit<Schema['ConsoleAnswerBody'], 'events' | 'provision'> & {
  events: EventAdmin[];
  provision: ProvisionStatus;
};
