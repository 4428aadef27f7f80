// The four things a browser asks the chat provider for, in the words of Amazon Chime SDK messaging:
// https://docs.aws.amazon.com/chime-sdk/latest/APIReference/API_Operations_Amazon_Chime_SDK_Messaging.html

import type { Pass } from '../api/types';
import { encode, Signer } from './sign';

/** A message as history and socket both say it, in one form. */
export interface Message {
  id: string;
  /** When the provider made it, milliseconds since 1970. */
  at: number;
  /** When it was last changed, milliseconds since 1970; at when never. */
  changedAt: number;
  /** null once redacted. */
  content: string | null;
  redacted: boolean;
  /** The part of the sender's ARN after "/user/". */
  senderId: string;
  senderName: string;
}

export interface HistoryPage {
  /** Newest first. */
  messages: Message[];
  /** null on the last page. */
  nextToken: string | null;
}

/** A refusal of the provider, or its silence. */
export class ChimeError extends Error {
  override readonly name = 'ChimeError';

  constructor(
    /** HTTP status; 0 = not reached. */
    readonly status: number,
    /** Amazon's word, such as ForbiddenException; not_reached when it was not. */
    readonly code: string,
    detail: string,
  ) {
    super(detail);
  }

  /** The credentials are old or not accepted: a new pass may help, the same one will not. */
  get unauthorized(): boolean {
    return this.status === 401 || this.status === 403;
  }

  /** The same request may succeed a little later. */
  get passing(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/** Most messages one page may have. */
export const PAGE = 50;

/** A hung provider must end in the resting state, not in a page that seems alive. */
const PATIENCE_MS = 10_000;

export class Messaging {
  readonly userArn: string;
  readonly #base: URL;
  readonly #channel: string;
  readonly #signer: Signer;
  readonly #bearer: Record<string, string>;

  /** origin: of the page, for endpoints that are a path on it. */
  constructor(pass: Pass, origin: string, now: () => Date) {
    this.userArn = pass.userArn;
    this.#base = new URL(pass.endpoint.replace(/\/$/, ''), origin);
    this.#channel = `/channels/${encode(pass.channelArn)}`;
    this.#bearer = { 'x-amz-chime-bearer': pass.userArn };
    this.#signer = new Signer({ region: pass.region, credentials: pass.credentials, now });
  }

  /**
   * Where to open the socket right now: asked before every connect, as the answer may change. The address is presigned
   * and good for seconds.
   */
  async connectUrl(sessionId: string): Promise<URL> {
    const answer = await this.#call<{ Endpoint?: { Url?: string } }>('GET', '/endpoints/messaging-session');
    const host = answer.Endpoint?.Url;
    if (!host) throw new ChimeError(502, 'NoEndpoint', 'The chat did not say where to connect.');
    const secure = this.#base.protocol === 'https:';
    // Signed as http(s): the scheme is not part of the signature.
    const url = new URL(`${secure ? 'https' : 'http'}://${host}/connect`);
    url.searchParams.set('sessionId', sessionId);
    url.searchParams.set('userArn', this.userArn);
    const signed = await this.#signer.presign(url);
    signed.protocol = secure ? 'wss:' : 'ws:';
    return signed;
  }

  /** Sends a line; the same token never makes a second message. Answers the message's id. */
  async send(content: string, token: string): Promise<string> {
    const body = { Content: content, Type: 'STANDARD', Persistence: 'PERSISTENT', ClientRequestToken: token };
    const answer = await this.#call<{ MessageId: string }>('POST', `${this.#channel}/messages`, body);
    return answer.MessageId;
  }

  /**
   * One page of the past, newest first. nextToken continues an earlier page; notAfter (milliseconds) starts in the past;
   * neither: the newest.
   */
  async history(from: { nextToken?: string; notAfter?: number; max?: number } = {}): Promise<HistoryPage> {
    const query = new URLSearchParams({ 'sort-order': 'DESCENDING', 'max-results': String(from.max ?? PAGE) });
    if (from.nextToken !== undefined) query.set('next-token', from.nextToken);
    if (from.notAfter !== undefined) query.set('not-after', new Date(from.notAfter).toISOString());
    const answer = await this.#call<{ ChannelMessages?: WireMessage[]; NextToken?: string }>('GET', `${this.#channel}/messages?${query}`);
    return { messages: (answer.ChannelMessages ?? []).map(toMessage), nextToken: answer.NextToken ?? null };
  }

  async #call<T>(method: string, path: string, json?: unknown): Promise<T> {
    const url = new URL(this.#base.href.replace(/\/$/, '') + path);
    const headers: Record<string, string> = path.startsWith('/endpoints/') ? {} : { ...this.#bearer };
    if (json !== undefined) headers['content-type'] = 'application/json';
    const request = await this.#signer.sign(method, url, headers, json === undefined ? null : JSON.stringify(json));
    let response: Response;
    let text: string;
    try {
      response = await fetch(url, { ...request, credentials: 'omit', cache: 'no-store', signal: AbortSignal.timeout(PATIENCE_MS) });
      text = await response.text();
    } catch {
      throw new ChimeError(0, 'not_reached', 'The chat was not reached.');
    }
    if (!response.ok) throw refusal(response, text);
    try {
      return JSON.parse(text) as T;
    } catch {
      // A proxy's page with status 200 is not the chat.
      throw new ChimeError(502, 'not_understood', 'The chat answered something else than JSON.');
    }
  }
}

function refusal(response: Response, text: string): ChimeError {
  let said: { Code?: string; Message?: string; message?: string; __type?: string } = {};
  try {
    said = JSON.parse(text);
  } catch {
    // The status has to do.
  }
  const named = response.headers.get('x-amzn-errortype') ?? said.__type ?? said.Code ?? '';
  return new ChimeError(response.status, named.split(':')[0] || 'unknown', said.Message ?? said.message ?? response.statusText);
}

/** Message as it stands in answers (numbers: seconds) and in frames (ISO strings). */
export interface WireMessage {
  MessageId: string;
  Content?: string | null;
  CreatedTimestamp: number | string;
  LastUpdatedTimestamp?: number | string | null;
  Redacted?: boolean;
  Sender?: { Arn?: string; Name?: string };
}

export function toMessage(wire: WireMessage): Message {
  const at = millis(wire.CreatedTimestamp);
  const redacted = wire.Redacted === true;
  return {
    id: wire.MessageId,
    at,
    changedAt: Math.max(at, wire.LastUpdatedTimestamp ? millis(wire.LastUpdatedTimestamp) : 0),
    content: redacted ? null : (wire.Content ?? null),
    redacted,
    senderId: (wire.Sender?.Arn ?? '').split('/user/')[1] ?? '',
    senderName: wire.Sender?.Name ?? '',
  };
}

function millis(time: number | string): number {
  return typeof time === 'number' ? Math.round(time * 1000) : Date.parse(time);
}
