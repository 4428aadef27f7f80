// What the scripts here share: Amazon's clients, pointed at the engine whose address and root key are in the environment,
// and what they expect of it.
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts'
import * as identity from '@aws-sdk/client-chime-sdk-identity'
import * as messaging from '@aws-sdk/client-chime-sdk-messaging'
import WebSocket from 'ws'

// The SDK is written for browsers; all it wants of one here is the WebSocket class. Its ES modules name no file
// extensions, so Node has to load the CommonJS build.
globalThis.WebSocket = WebSocket
const chime = createRequire(import.meta.url)('amazon-chime-sdk-js')

const { ENGINE_URL: endpoint, ACCESS_KEY_ID: accessKeyId, SECRET_ACCESS_KEY: secretAccessKey } = process.env
export const root = { accessKeyId, secretAccessKey }
export const options = (credentials) => ({ region: 'us-east-1', endpoint, credentials, maxAttempts: 1 })
export const id = new identity.ChimeSDKIdentityClient(options(root))
export const msg = new messaging.ChimeSDKMessagingClient(options(root))
const sts = new STSClient(options(root))

/** A client of Amazon's with an hour's credentials under a policy. */
export async function assume(session, ...statements) {
  const me = await sts.send(new GetCallerIdentityCommand({}))
  const Policy = JSON.stringify({ Version: '2012-10-17', Statement: statements.map((s) => ({ Effect: 'Allow', ...s })) })
  const out = await sts.send(new AssumeRoleCommand({ RoleArn: `arn:aws:iam::${me.Account}:role/Fan`, RoleSessionName: session, Policy }))
  const c = out.Credentials
  assert.ok(c.Expiration instanceof Date && c.Expiration > new Date())
  return new messaging.ChimeSDKMessagingClient(options({
    accessKeyId: c.AccessKeyId, secretAccessKey: c.SecretAccessKey, sessionToken: c.SessionToken }))
}

/** A DefaultMessagingSession whose callbacks and messages can be awaited in order. */
export class Listener {
  constructor(userArn, client) {
    const configuration = new chime.MessagingSessionConfiguration(userArn, null, undefined, client)
    this.session = new chime.DefaultMessagingSession(configuration, new chime.NoOpLogger())
    this.heard = []
    this.waiting = []
    this.session.addObserver({
      messagingSessionDidStartConnecting: (again) => this.note({ event: again ? 'reconnecting' : 'connecting' }),
      messagingSessionDidStart: () => this.note({ event: 'started' }),
      messagingSessionDidStop: (e) => this.note({ event: 'stopped', code: e.code }),
      messagingSessionDidReceiveMessage: (m) => this.note({ event: m.type, headers: m.headers, payload: m.payload }),
    })
  }

  note(what) {
    const next = this.waiting.shift()
    if (next) next(what)
    else this.heard.push(what)
  }

  async next() {
    if (this.heard.length > 0) return this.heard.shift()
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('nothing heard for 45 s')), 45_000)
      this.waiting.push((what) => (clearTimeout(timer), resolve(what)))
    })
  }

  async hears(...events) {
    for (const event of events) assert.equal((await this.next()).event, event)
  }

  async hearsLine(content) {
    const got = await this.next()
    assert.equal(got.event, 'CREATE_CHANNEL_MESSAGE')
    assert.equal(got.headers['x-amz-chime-message-type'], 'STANDARD')
    const payload = JSON.parse(got.payload)
    assert.equal(payload.Content, content)
    assert.match(payload.MessageId, /^[0-9a-f]{64}$/)
    assert.ok(!Number.isNaN(new Date(payload.CreatedTimestamp).getTime()))
    return payload
  }
}

export async function check(name, run) {
  try {
    await run()
    console.log(`ok   ${name}`)
  } catch (e) {
    console.log(`FAIL ${name}\n${e.stack ?? JSON.stringify(e)}`)
    process.exit(1)
  }
}

export async function refused(type, promise) {
  await assert.rejects(promise, (e) => {
    if (typeof type === 'string') assert.equal(e.name, type)
    else assert.ok(e instanceof type, `${e.name}: ${e.message} is no ${type.name}`)
    assert.ok(e.message.length > 0, 'the error has no message')
    return true
  })
}
