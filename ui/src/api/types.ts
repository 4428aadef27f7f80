// What the fan's and the moderator's pages say to the server and hear from it, by the names these pages use. The shapes come
// from the server's own types (openapi.json → src/api/schema.gen.ts, `make api`). Times are RFC 3339, UTC. Only the live
// socket is described here by hand: OpenAPI knows requests and answers, not frames.

import type { components } from './schema.gen';

type Schema = components['schemas'];

export type EventView = Schema['EventView'];
export type EventState = EventView['state'];
export type Me = Schema['Me'];
export type Role = Me['role'];

/** ready: read and send. naming: read; the name is on its way to the chat. preparing: no pass yet. resting: the chat is away. */
export type ChatPass = Schema['Answer'];
/** Temporary credentials for one user and one channel at the chat provider. */
export type Pass = Schema['Pass'];

export type Act = Schema['Act'];
export type Ban = Schema['Ban'];
export type Moderation = Schema['ModerationAnswerBody'];

/** The six reactions, in the order of the buttons. */
export const EMOJI = ['❤️', '👏', '🔥', '😂', '🎉', '😮'] as const;

/** What the live socket says. */
export type LiveFrame =
  | { t: 'hello'; event: EventView; me: Me; viewers: number }
  | { t: 'event'; event: EventView }
  | { t: 'me'; me: Me }
  | { t: 'seat'; reason: string }
  | { t: 'revoked'; reason: string }
  | { t: 'reactions'; counts: Record<string, number> }
  | { t: 'chat' }
  | { t: 'beat'; now: number; viewers: number };
