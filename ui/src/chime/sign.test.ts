// @vitest-environment node
// Signatures against a second implementation written from the specification with Node's own crypto. That one is in turn
// held to the published example of Amazon's SigV4 test suite (get-vanilla).
import { createHash, createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { encode, Signer } from './sign';

const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY', sessionToken: 'a/token+with=signs' };
const now = () => new Date('2026-11-22T20:00:05Z');
const STAMP = '20261122T200005Z';

const sha = (text: string) => createHash('sha256').update(text).digest('hex');
const mac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();

/** Signature of a canonical request, by the book. */
function reference(canonical: string, stamp: string, region: string, service: string): string {
  const day = stamp.slice(0, 8);
  const scope = `${day}/${region}/${service}/aws4_request`;
  const toSign = ['AWS4-HMAC-SHA256', stamp, scope, sha(canonical)].join('\n');
  const key = [region, service, 'aws4_request'].reduce<Buffer>((k, part) => mac(k, part), mac(`AWS4${credentials.secretAccessKey}`, day));
  return mac(key, toSign).toString('hex');
}

const ARN = 'arn:aws:chime:us-east-1:123456789012:app-instance/0/channel/show-1';

describe('the reference', () => {
  test("gives the signature of Amazon's get-vanilla example", () => {
    const canonical = ['GET', '/', '', 'host:example.amazonaws.com', 'x-amz-date:20150830T123600Z', '', 'host;x-amz-date', sha('')].join('\n');
    expect(reference(canonical, '20150830T123600Z', 'us-east-1', 'service')).toBe('5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31');
  });
});

describe('signing a request', () => {
  const signer = new Signer({ region: 'us-east-1', credentials, now });

  test('covers method, double-encoded path, sorted query, body, bearer and host with its port', async () => {
    const url = new URL(`http://127.0.0.1:8080/chime/channels/${encode(ARN)}/messages?max-results=50&next-token=a%2Bb%2F%3D%3D`);
    const body = '{"Content":"Grüße 👋"}';
    const request = await signer.sign('POST', url, { 'x-amz-chime-bearer': 'arn:me', 'content-type': 'application/json' }, body);

    const names = ['content-type', 'host', 'x-amz-chime-bearer', 'x-amz-content-sha256', 'x-amz-date', 'x-amz-security-token'];
    const value = (name: string) => (name === 'host' ? '127.0.0.1:8080' : request.headers[name]);
    const canonical = [
      'POST',
      `/chime/channels/${encodeURIComponent(encode(ARN))}/messages`,
      'max-results=50&next-token=a%2Bb%2F%3D%3D',
      ...names.map((name) => `${name}:${value(name)}`),
      '',
      names.join(';'),
      sha(body),
    ].join('\n');
    const { authorization } = request.headers;
    expect(authorization).toContain(`SignedHeaders=${names.join(';')}`);
    expect(authorization).toContain(`Signature=${reference(canonical, STAMP, 'us-east-1', 'chime')}`);
    expect(request.headers['x-amz-security-token']).toBe(credentials.sessionToken);
  });

  test("leaves Host to the browser and uses the server's clock, not this machine's", async () => {
    const request = await signer.sign('GET', new URL('https://chime.example/endpoints/messaging-session'));
    expect(request.headers).not.toHaveProperty('host');
    expect(request.headers['x-amz-date']).toBe(STAMP);
  });
});

describe('presigning the connect URL', () => {
  test('puts everything into the query, signs it with the host only, and is good for ten seconds', async () => {
    const signer = new Signer({ region: 'eu-central-1', credentials, now });
    const url = new URL('https://node1.chat.example:8443/connect');
    url.searchParams.set('sessionId', "it's (1)*!");
    url.searchParams.set('userArn', ARN.replace('channel/show-1', 'user/f-1'));
    const signed = await signer.presign(url);

    const pieces = signed.search.slice(1).split('&');
    const given = pieces.find((piece) => piece.startsWith('X-Amz-Signature='))!.split('=')[1];
    // As a verifier sees it: the raw pieces without the signature, sorted.
    const query = pieces.filter((piece) => !piece.startsWith('X-Amz-Signature=')).sort().join('&');
    const canonical = ['GET', '/connect', query, 'host:node1.chat.example:8443', '', 'host', sha('')].join('\n');
    expect(given).toBe(reference(canonical, STAMP, 'eu-central-1', 'chime'));
    expect(signed.searchParams.get('X-Amz-Expires')).toBe('10');
    expect(signed.searchParams.get('X-Amz-Security-Token')).toBe(credentials.sessionToken);
    expect(signed.searchParams.get('sessionId')).toBe("it's (1)*!");
  });
});
