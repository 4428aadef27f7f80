// What the server's JSON API says, in the page's words. Times are RFC 3339 strings in UTC unless a comment says otherwise.

export type EventState = 'scheduled' | 'open' | 'live' | 'ended' | 'archived' | 'purged';

export interface EventView {
  slug: string;
  name: string;
  artist: string;
  description: string;
  startsAt: string;
  doorsAt: string;
  /** IANA name of the zone the show is announced in, such as Europe/Berlin. */
  timeZone: string;
  chat: boolean;
  state: EventState;
  serverTime: string;
}

export type Role = 'fan' | 'artist' | 'moderator';

export interface Me {
  role: Role;
  /** null until the person has chosen one. */
  nickname: string | null;
  /** lost: another device took the seat after this one. */
  seat: 'held' | 'lost';
  banned: { reason: string } | null;
  /** null before doors (for fans) and after the end. */
  streamUrl: string | null;
  /** Ideas while nickname is null. */
  suggestions: string[];
}

export type PassState = 'ready' | 'naming' | 'preparing' | 'off' | 'closed' | 'banned' | 'resting';

/** Temporary credentials for one user and one channel at the chat provider. */
export interface Pass {
  region: string;
  /** An absolute URL, or a path on this page's origin. */
  endpoint: string;
  userArn: string;
  channelArn: string;
  name: string;
  credentials: { accessKeyId: string; secretAccessKey: string; sessionToken: string; expiresAt: string };
  serverTime: string;
}

export interface ChatPass {
  /** ready: read and send. naming: read; the name is on its way to the chat. preparing: no pass yet. resting: the chat is away. */
  state: PassState;
  detail: string;
  readyAt: string | null;
  made: number;
  total: number;
  /** Ask again after so many milliseconds; 0 = do not. */
  retryMs: number;
  /** Longest line, in graphemes. */
  maxLine: number;
  pass: Pass | null;
}

export interface Act {
  id: string;
  kind: 'redact' | 'ban' | 'unban';
  userId: string;
  nickname: string;
  messageId: string;
  /** The original line; moderators only. */
  text: string;
  reason: string;
  at: string;
  /** false: written down, not yet confirmed by the chat. */
  done: boolean;
}

export interface Ban {
  userId: string;
  nickname: string;
  reason: string;
  at: string;
}

export interface Moderation {
  acts: Act[];
  bans: Ban[];
}

/** The six reactions, in the order of the buttons. */
export const EMOJI = ['❤️', '👏', '🔥', '😂', '🎉', '😮'] as const;
export type Emoji = (typeof EMOJI)[number];

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
