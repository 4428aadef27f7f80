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
export type ProvisionRate = Schema['Rate'];
export type ProvisionAlarm = Schema['Alarm'];
/** What was deleted at the chat provider after a show. */
export type Deletion = Schema['Deletion'];

/** One show at the chat provider; the figures count the channel, accounts, memberships and moderator roles together. */
export type ProvisionEvent = Schema['Event'];
export type EventAdmin = Schema['EventAdmin'];
export type EventState = EventAdmin['state'];
export type ProvisionStatus = Schema['Status'];
export type ConsoleView = Schema['ConsoleAnswerBody'];

/** One thing at the chat provider, as the ledger knows it. */
export type Resource = Schema['Resource'];
export type ResourceKind = Resource['kind'];
export type ResourceState = Resource['state'];
export type ResourcePage = Schema['Page'];
export type ResourceCounts = Schema['Counts'];
export type Sweep = Schema['Sweep'];
export type Strangers = Schema['Strangers'];
export type ResourceStory = Schema['Story'];

/** What tickets that are not there yet would take. */
export type Plan = Schema['Plan'];
