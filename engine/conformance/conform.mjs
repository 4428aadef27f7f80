// Amazon's own JavaScript clients against an engine. conformance_test.go starts one and passes its address and root key
// in the environment; each check prints one line, and the first that fails ends the script with status 1.
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { GetCallerIdentityCommand, AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts'
import * as identity from '@aws-sdk/client-chime-sdk-identity'
import * as messaging from '@aws-sdk/client-chime-sdk-messaging'
import WebSocket from 'ws'

// The SDK is written for browsers; all it wants of one here is the WebSocket class. Its ES modules name no file
// extensions, so Node has to load the CommonJS build.
globalThis.WebSocket = WebSocket
const chime = createRequire(import.meta.url)('amazon-chime-sdk-js')

const { ENGINE_URL: endpoint, CONTROL_URL: control, ACCESS_KEY_ID: accessKeyId, SECRET_ACCESS_KEY: secretAccessKey } = process.env
const region = 'us-east-1'
const options = (credentials) => ({ region, endpoint, credentials, maxAttempts: 1 })
const root = { accessKeyId, secretAccessKey }
const id = new identity.ChimeSDKIdentityClient(options(root))
const msg = new messaging.ChimeSDKMessagingClient(options(root))
const sts = new STSClient(options(root))

/** A DefaultMessagingSession whose callbacks and messages can be awaited in order. */
class Listener {
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
      const timer = setTimeout(() => reject(new Error('nothing heard for 15 s')), 15_000)
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

async function check(name, run) {
  try {
    await run()
    console.log(`ok   ${name}`)
  } catch (e) {
    console.log(`FAIL ${name}\n${e.stack ?? JSON.stringify(e)}`)
    process.exit(1)
  }
}

async function refused(type, promise) {
  await assert.rejects(promise, (e) => {
    if (typeof type === 'string') assert.equal(e.name, type)
    else assert.ok(e instanceof type, `${e.name}: ${e.message} is no ${type.name}`)
    assert.ok(e.message.length > 0, 'the error has no message')
    return true
  })
}

const stage = {}

await check('the case study\'s resources are made', async () => {
  const app = await id.send(new identity.CreateAppInstanceCommand({ Name: 'conformance', ClientRequestToken: 'c1' }))
  stage.app = app.AppInstanceArn
  for (const user of ['mod', 'ann', 'bob']) {
    const made = await id.send(new identity.CreateAppInstanceUserCommand({
      AppInstanceArn: stage.app, AppInstanceUserId: user, Name: `Name of ${user}`, ClientRequestToken: user.padEnd(2, '0') }))
    stage[user] = made.AppInstanceUserArn
    assert.equal(stage[user], `${stage.app}/user/${user}`)
  }
  const channel = await msg.send(new messaging.CreateChannelCommand({
    AppInstanceArn: stage.app, Name: 'room', ChannelId: 'ev-1:a@b', Mode: 'RESTRICTED', Privacy: 'PRIVATE', ChimeBearer: stage.mod }))
  stage.channel = channel.ChannelArn
  const joined = await msg.send(new messaging.BatchCreateChannelMembershipCommand({
    ChannelArn: stage.channel, MemberArns: [stage.ann, stage.bob], ChimeBearer: stage.mod }))
  assert.equal(joined.BatchChannelMemberships.Members.length, 2)
})

const send = (client, ChimeBearer, Content) => client.send(new messaging.SendChannelMessageCommand({
  ChannelArn: stage.channel, Content, Type: 'STANDARD', Persistence: 'PERSISTENT', ChimeBearer }))

await check('STS gives credentials for one user and channel', async () => {
  const policy = { Version: '2012-10-17', Statement: [
    { Effect: 'Allow', Action: ['chime:Connect', 'chime:SendChannelMessage', 'chime:ListChannelMessages', 'chime:DescribeChannelMembership'], Resource: [stage.ann, stage.channel] },
    { Effect: 'Allow', Action: 'chime:GetMessagingSessionEndpoint', Resource: '*' }] }
  const me = await sts.send(new GetCallerIdentityCommand({}))
  const out = await sts.send(new AssumeRoleCommand({ RoleArn: `arn:aws:iam::${me.Account}:role/Fan`, RoleSessionName: 'tk1', Policy: JSON.stringify(policy) }))
  const c = out.Credentials
  stage.annClient = new messaging.ChimeSDKMessagingClient(options({
    accessKeyId: c.AccessKeyId, secretAccessKey: c.SecretAccessKey, sessionToken: c.SessionToken }))
  assert.ok(c.Expiration instanceof Date && c.Expiration > new Date())
})

await check('DefaultMessagingSession starts and hears lines in order', async () => {
  stage.ear = new Listener(stage.ann, stage.annClient)
  await stage.ear.session.start()
  await stage.ear.hears('connecting', 'started', 'SESSION_ESTABLISHED')
  for (const text of ['first', 'it\'s "second" <b> ü 💬', 'third']) await send(msg, stage.mod, text)
  await send(stage.annClient, stage.ann, 'my own')
  await stage.ear.hearsLine('first')
  await stage.ear.hearsLine('it\'s "second" <b> ü 💬')
  await stage.ear.hearsLine('third')
  const own = await stage.ear.hearsLine('my own')
  assert.deepEqual(own.Sender, { Arn: stage.ann, Name: 'Name of ann' })
})

await check('history is paged newest first, by NextToken, without a gap', async () => {
  const seen = []
  let NextToken
  do {
    const page = await stage.annClient.send(new messaging.ListChannelMessagesCommand({
      ChannelArn: stage.channel, ChimeBearer: stage.ann, MaxResults: 3, NextToken }))
    assert.ok(page.ChannelMessages.every((m) => m.CreatedTimestamp instanceof Date))
    seen.push(...page.ChannelMessages.map((m) => m.Content))
    NextToken = page.NextToken
  } while (NextToken)
  assert.deepEqual(seen, ['my own', 'third', 'it\'s "second" <b> ü 💬', 'first'])
})

await check('after a broken line (1006) the session comes back by itself', async () => {
  await fetch(`${control}/cut`, { method: 'POST' })
  await stage.ear.hears('reconnecting', 'started', 'SESSION_ESTABLISHED')
  await send(msg, stage.mod, 'after the break')
  await stage.ear.hearsLine('after the break')
})

await check('redaction and membership changes are told', async () => {
  const sent = await send(msg, stage.mod, 'rude')
  await stage.ear.hearsLine('rude')
  await msg.send(new messaging.RedactChannelMessageCommand({ ChannelArn: stage.channel, MessageId: sent.MessageId, ChimeBearer: stage.mod }))
  const redacted = await stage.ear.next()
  assert.equal(redacted.event, 'REDACT_CHANNEL_MESSAGE')
  assert.equal(JSON.parse(redacted.payload).Redacted, true)
  await msg.send(new messaging.CreateChannelBanCommand({ ChannelArn: stage.channel, MemberArn: stage.bob, ChimeBearer: stage.mod }))
  const left = await stage.ear.next()
  assert.equal(left.event, 'DELETE_CHANNEL_MEMBERSHIP')
  assert.equal(JSON.parse(left.payload).Member.Arn, stage.bob)
})

await check('refusals arrive as the SDK\'s typed errors', async () => {
  await refused(messaging.ForbiddenException, send(msg, stage.bob, 'I am banned'))
  await refused(messaging.UnauthorizedClientException, send(msg, `${stage.app}/user/nobody`, 'who?'))
  await refused(messaging.BadRequestException, send(msg, stage.mod, 'x'.repeat(4097)))
  await refused(messaging.NotFoundException, msg.send(new messaging.DescribeChannelMembershipCommand({
    ChannelArn: stage.channel, MemberArn: stage.bob, ChimeBearer: stage.mod })))
  await refused(messaging.ForbiddenException, msg.send(new messaging.DescribeChannelCommand({
    ChannelArn: `${stage.app}/channel/none`, ChimeBearer: stage.mod })))
  await refused(identity.ConflictException, id.send(new identity.CreateAppInstanceUserCommand({
    AppInstanceArn: stage.app, AppInstanceUserId: 'ann', Name: 'Somebody else', ClientRequestToken: 'c2' })))
  await refused('AccessDeniedException', send(stage.annClient, stage.bob, 'as another'))
  await refused('AccessDeniedException', stage.annClient.send(new messaging.RedactChannelMessageCommand({
    ChannelArn: stage.channel, MessageId: 'f'.repeat(64), ChimeBearer: stage.ann })))
  const liar = new messaging.ChimeSDKMessagingClient(options({ ...root, secretAccessKey: 'wrong' }))
  await refused('InvalidSignatureException', send(liar, stage.mod, 'forged'))
})

await check('the credentials of one user open no session of another', async () => {
  const spy = new Listener(stage.bob, stage.annClient)
  await assert.rejects(spy.session.start(), (e) => e.code === 4401)
})

await check('a session that is told 4003 stops for good', async () => {
  await id.send(new identity.DeleteAppInstanceUserCommand({ AppInstanceUserArn: stage.ann }))
  let last
  do last = await stage.ear.next()
  while (last.event === 'DELETE_CHANNEL_MEMBERSHIP')
  assert.deepEqual(last, { event: 'stopped', code: 4003 })
})

await check('stop() ends a session without complaint', async () => {
  const ear = new Listener(stage.mod, msg)
  await ear.session.start()
  await ear.hears('connecting', 'started', 'SESSION_ESTABLISHED')
  ear.session.stop()
  const { event, code } = await ear.next()
  assert.equal(event, 'stopped')
  assert.ok([1000, 1005].includes(code), `code ${code}`)
})

process.exit(0)
