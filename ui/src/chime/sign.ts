// Signature Version 4 for the chat provider, with the clock of the server: a phone whose clock is wrong by an hour still
// gets in. sha256-js and not crypto.subtle, because the latter is missing on plain-http origins of a home network.

import { Sha256 } from '@aws-crypto/sha256-js';
import { SignatureV4 } from '@smithy/signature-v4';

export interface Credentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken: string;
}

export interface SignerConfig {
  region: string;
  credentials: Credentials;
  /** The time the server's clock shows now. */
  now: () => Date;
}

/** A request the way fetch wants it. */
export interface SignedRequest {
  method: string;
  headers: Record<string, string>;
  body: string | null;
}

/**
 * Lifetime of a presigned connect URL in seconds: Amazon's own client uses 10. The server's time is used, so this only
 * has to cover a slow phone's way to the socket.
 */
const CONNECT_SECONDS = 10;

export class Signer {
  readonly #signer: SignatureV4;
  readonly #now: () => Date;

  constructor(config: SignerConfig) {
    this.#now = config.now;
    this.#signer = new SignatureV4({
      service: 'chime',
      region: config.region,
      credentials: config.credentials,
      sha256: Sha256,
    });
  }

  /** Signs a JSON request in its headers. The URL's path must be encoded exactly once, as it goes over the wire. */
  async sign(method: string, url: URL, headers: Record<string, string> = {}, body: string | null = null): Promise<SignedRequest> {
    const signed = await this.#signer.sign(
      { ...wire(method, url), headers: { ...headers, host: url.host }, ...(body === null ? {} : { body }) },
      { signingDate: this.#now() },
    );
    // The browser writes Host by itself and forbids us to.
    const { host: _host, ...rest } = signed.headers;
    return { method, headers: rest, body };
  }

  /** Signs a GET in its query, for a socket; the signature covers the whole query and the Host, nothing else. */
  async presign(url: URL): Promise<URL> {
    const request = wire('GET', url);
    const signed = await this.#signer.presign(
      { ...request, headers: { host: url.host } },
      { signingDate: this.#now(), expiresIn: CONNECT_SECONDS },
    );
    const result = new URL(url);
    result.search = Object.entries(signed.query ?? {})
      .map(([key, value]) => `${encode(key)}=${encode(String(value))}`)
      .join('&');
    return result;
  }
}

function wire(method: string, url: URL) {
  const query: Record<string, string> = {};
  for (const [key, value] of url.searchParams) query[key] = value;
  return { method, protocol: url.protocol, hostname: url.hostname, path: url.pathname, query, headers: {} };
}

/** RFC 3986: encodeURIComponent leaves !'()* alone, the signature does not. */
export function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}
