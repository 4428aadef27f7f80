// What the case study does, by Amazon's own JavaScript clients. conformance_test.go starts the engine; each check prints one
// line, and the first that fails ends the script with status 1.
import assert from 'node:assert/strict'
import * as identity from '@aws-sdk/client-chime-sdk-identity'
import * as messaging from '@aws-sdk/client-chime-sdk-messaging'
import { Listener, assume, check, id, msg, options, refused, root } from './clients.mjs'

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
  stage.annClient = await assume('tk1',
    { Action: ['chime:Connect', 'chime:SendChannelMessage', 'chime:ListChannelMessages', 'chime:DescribeChannelMembership'], Resource: [stage.ann, stage.channel] },
    { Action: 'chime:GetMessagingSessionEndpoint', Resource: '*' })
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
  await fetch(`${process.env.CONTROL_URL}/cut`, { method: 'POST' })
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
