// The operations that known browser apps call: AWS's chat demo, and a live event's chat with an admin behind it. Every result
// and every refusal is looked at through the types of the SDK.
import assert from 'node:assert/strict'
import * as identity from '@aws-sdk/client-chime-sdk-identity'
import * as messaging from '@aws-sdk/client-chime-sdk-messaging'
import { Listener, assume, check, id, msg, refused } from './clients.mjs'

const { BadRequestException, ForbiddenException, NotFoundException, UnauthorizedClientException } = messaging

/** Calls an identity operation with the root key. */
const dev = (operation, input) => id.send(new identity[`${operation}Command`](input))
/** Calls a messaging operation as a user, with the root key unless the user has a client of its own. */
const as = (user, operation, input) => (s[`${user}Client`] ?? msg).send(new messaging[`${operation}Command`]({ ChimeBearer: s[user], ...input }))

/** All pages of a list, two at a time. */
async function all(items, list) {
  const found = []
  for (let NextToken; ;) {
    const page = await list({ MaxResults: 2, NextToken })
    assert.ok(page[items].length <= 2)
    found.push(...page[items])
    if (!(NextToken = page.NextToken)) return found
  }
}

const same = (got, want) => assert.deepEqual([...got].sort(), [...want].sort())
const s = {} // what the story has made: ARNs, clients, ears

await check('a developer makes, changes and lists an app instance, its admin and its users', async () => {
  s.app = (await dev('CreateAppInstance', { Name: 'Conference', Metadata: 'm' })).AppInstanceArn
  await dev('UpdateAppInstance', { AppInstanceArn: s.app, Name: 'Live', Metadata: '' })
  const { AppInstance } = await dev('DescribeAppInstance', { AppInstanceArn: s.app })
  assert.equal(AppInstance.Name, 'Live')
  assert.ok(AppInstance.CreatedTimestamp instanceof Date)
  assert.ok((await all('AppInstances', (p) => dev('ListAppInstances', p))).some((a) => a.AppInstanceArn === s.app))
  for (const user of ['boss', 'mod', 'ann', 'bob', 'eve']) {
    const made = await dev('CreateAppInstanceUser', { AppInstanceArn: s.app, AppInstanceUserId: user, Name: `Name of ${user}` })
    s[user] = made.AppInstanceUserArn
  }
  await dev('CreateAppInstanceUser', { AppInstanceArn: s.app, AppInstanceUserId: 'ann', Name: 'Name of ann' }) // at every login
  const users = await all('AppInstanceUsers', (p) => dev('ListAppInstanceUsers', { AppInstanceArn: s.app, ...p }))
  same(users.map((u) => u.AppInstanceUserArn), [s.boss, s.mod, s.ann, s.bob, s.eve])
  const admin = await dev('CreateAppInstanceAdmin', { AppInstanceArn: s.app, AppInstanceAdminArn: s.boss })
  assert.deepEqual(admin.AppInstanceAdmin, { Arn: s.boss, Name: 'Name of boss' })
  assert.equal((await dev('DescribeAppInstanceAdmin', { AppInstanceArn: s.app, AppInstanceAdminArn: s.boss })).AppInstanceAdmin.Admin.Arn, s.boss)
  same((await all('AppInstanceAdmins', (p) => dev('ListAppInstanceAdmins', { AppInstanceArn: s.app, ...p }))).map((a) => a.Admin.Arn), [s.boss])
  await dev('UpdateAppInstanceUser', { AppInstanceUserArn: s.ann, Name: 'Ann!', Metadata: '' })
  const { AppInstanceUser } = await dev('DescribeAppInstanceUser', { AppInstanceUserArn: s.ann })
  assert.equal(AppInstanceUser.Name, 'Ann!')
  assert.ok(AppInstanceUser.LastUpdatedTimestamp >= AppInstanceUser.CreatedTimestamp)
})

await check('identity refuses by its own classes', async () => {
  await refused(identity.BadRequestException, dev('CreateAppInstanceUser', { AppInstanceArn: s.app, AppInstanceUserId: '-', Name: 'x' }))
  await refused(identity.ConflictException, dev('CreateAppInstanceUser', { AppInstanceArn: s.app, AppInstanceUserId: 'ann', Name: 'Other' }))
  await refused(identity.ForbiddenException, dev('DescribeAppInstanceUser', { AppInstanceUserArn: `${s.app}/user/none` }))
})

await check('an admin opens channels, and finds them', async () => {
  const open = (ChannelId, Mode, Privacy, more) => as('boss', 'CreateChannel', { AppInstanceArn: s.app, ChannelId, Name: ChannelId, Mode, Privacy, ...more })
  s.track = (await open('track', 'UNRESTRICTED', 'PUBLIC')).ChannelArn
  s.hall = (await open('hall', 'RESTRICTED', 'PRIVATE', { MemberArns: [s.mod, s.ann], ModeratorArns: [s.mod] })).ChannelArn
  await open('systems', 'RESTRICTED', 'PRIVATE')
  await refused(messaging.ConflictException, open('track', 'UNRESTRICTED', 'PUBLIC', { Metadata: 'other' }))
  const list = (Privacy) => all('Channels', (p) => as('boss', 'ListChannels', { AppInstanceArn: s.app, Privacy, ...p }))
  same((await list('PUBLIC')).map((c) => c.ChannelArn), [s.track])
  same((await list('PRIVATE')).map((c) => c.Name), ['hall', 'systems'])
  await as('boss', 'UpdateChannel', { ChannelArn: s.hall, Name: 'Hall', Mode: 'RESTRICTED', Metadata: '{"a":1}' })
  const { Channel } = await as('boss', 'DescribeChannel', { ChannelArn: s.hall })
  assert.deepEqual([Channel.Name, Channel.Mode, Channel.Privacy, Channel.Metadata, Channel.CreatedBy.Arn],
    ['Hall', 'RESTRICTED', 'PRIVATE', '{"a":1}', s.boss])
})

await check('a fan signs in as the chat demo does', async () => {
  s.annClient = await assume('ann', { Action: 'chime:*', Resource: [s.ann, `${s.app}/channel/*`] },
    { Action: 'chime:GetMessagingSessionEndpoint', Resource: '*' })
  s.ear = new Listener(s.ann, s.annClient)
  const [mine] = await Promise.all([all('ChannelMemberships', (p) => as('ann', 'ListChannelMembershipsForAppInstanceUser', p)), s.ear.session.start()])
  same(mine.map((m) => m.ChannelSummary.ChannelArn), [s.hall])
  assert.equal(mine[0].AppInstanceUserMembershipSummary.Type, 'DEFAULT')
  await s.ear.hears('connecting', 'started', 'SESSION_ESTABLISHED')
  const found = await as('ann', 'ListChannels', { AppInstanceArn: s.app })
  same(found.Channels.map((c) => c.ChannelArn), [s.track])
  assert.deepEqual((await as('ann', 'ListChannelsModeratedByAppInstanceUser', {})).Channels, [])
  same((await as('mod', 'ListChannelsModeratedByAppInstanceUser', {})).Channels.map((c) => c.ChannelSummary.ChannelArn), [s.hall])
})

await check('presence and typing are heard and never stored', async () => {
  const control = (Content) => as('ann', 'SendChannelMessage', { ChannelArn: s.hall, Content, Type: 'CONTROL', Persistence: 'NON_PERSISTENT' })
  for (const Content of ['P|Auto|Idle', '{"Typing":"Indicator"}']) {
    assert.equal((await control(Content)).Status.Value, 'SENT')
    const heard = await s.ear.next()
    assert.deepEqual([heard.event, heard.headers['x-amz-chime-message-type'], JSON.parse(heard.payload).Content],
      ['CREATE_CHANNEL_MESSAGE', 'CONTROL', Content])
  }
  assert.deepEqual((await as('ann', 'ListChannelMessages', { ChannelArn: s.hall })).ChannelMessages, [])
  await refused(BadRequestException, control('x'.repeat(31)))
})

await check('opening a channel: a member sees messages and members, not moderators', async () => {
  await refused(ForbiddenException, as('ann', 'ListChannelModerators', { ChannelArn: s.hall }))
  same((await all('ChannelMemberships', (p) => as('ann', 'ListChannelMemberships', { ChannelArn: s.hall, ...p }))).map((m) => m.Member.Arn), [s.boss, s.mod, s.ann])
  const { ChannelMembership } = await as('ann', 'DescribeChannelMembershipForAppInstanceUser', { ChannelArn: s.hall, AppInstanceUserArn: s.ann })
  assert.equal(ChannelMembership.ChannelSummary.ChannelArn, s.hall)
  same((await all('ChannelModerators', (p) => as('mod', 'ListChannelModerators', { ChannelArn: s.hall, ...p }))).map((m) => m.Moderator.Arn), [s.boss, s.mod])
})

await check('a fan joins a public channel and leaves it', async () => {
  assert.equal((await as('ann', 'CreateChannelMembership', { ChannelArn: s.track, MemberArn: s.ann, Type: 'DEFAULT' })).Member.Arn, s.ann)
  await s.ear.hears('CREATE_CHANNEL_MEMBERSHIP')
  assert.equal((await as('ann', 'DescribeChannelMembership', { ChannelArn: s.track, MemberArn: s.ann })).ChannelMembership.InvitedBy.Arn, s.ann)
  await as('ann', 'DeleteChannelMembership', { ChannelArn: s.track, MemberArn: s.ann })
  await s.ear.hears('DELETE_CHANNEL_MEMBERSHIP')
  await refused(NotFoundException, as('mod', 'DescribeChannelMembership', { ChannelArn: s.hall, MemberArn: s.eve }))
  await refused(ForbiddenException, as('ann', 'CreateChannelMembership', { ChannelArn: s.hall, MemberArn: s.eve, Type: 'DEFAULT' }))
})

await check('a line is sent, edited, redacted and deleted, and each is heard', async () => {
  const line = { ChannelArn: s.hall, Content: 'Good evening', Metadata: '{"m":1}', Type: 'STANDARD', Persistence: 'PERSISTENT', ClientRequestToken: 'once' }
  const { MessageId } = await as('ann', 'SendChannelMessage', line)
  assert.equal((await as('ann', 'SendChannelMessage', line)).MessageId, MessageId, 'the same token made another message')
  await s.ear.hearsLine('Good evening')
  const at = { ChannelArn: s.hall, MessageId }
  assert.equal((await as('ann', 'UpdateChannelMessage', { ...at, Content: 'Good morning' })).Status.Value, 'SENT')
  const edited = await s.ear.next()
  assert.deepEqual([edited.event, JSON.parse(edited.payload).Content], ['UPDATE_CHANNEL_MESSAGE', 'Good morning'])
  const { ChannelMessage } = await as('ann', 'GetChannelMessage', at)
  assert.equal(ChannelMessage.Content, 'Good morning')
  assert.ok(ChannelMessage.LastEditedTimestamp >= ChannelMessage.CreatedTimestamp)
  assert.equal((await as('ann', 'GetChannelMessageStatus', at)).Status.Value, 'SENT')
  await refused(ForbiddenException, as('mod', 'UpdateChannelMessage', { ...at, Content: 'not mine' }))
  await as('ann', 'RedactChannelMessage', at)
  await s.ear.hears('REDACT_CHANNEL_MESSAGE')
  const [gone] = (await as('ann', 'ListChannelMessages', { ChannelArn: s.hall, SortOrder: 'ASCENDING', NotBefore: new Date(0) })).ChannelMessages
  assert.ok(gone.Redacted && !gone.Content)
  await refused(ForbiddenException, as('ann', 'DeleteChannelMessage', at))
  await as('boss', 'DeleteChannelMessage', at)
  await s.ear.hears('DELETE_CHANNEL_MESSAGE')
  await refused(NotFoundException, as('ann', 'GetChannelMessage', at))
})

await check('a moderator bans, looks at bans, and lifts one', async () => {
  await as('mod', 'CreateChannelMembership', { ChannelArn: s.hall, MemberArn: s.bob, Type: 'DEFAULT' })
  await s.ear.hears('CREATE_CHANNEL_MEMBERSHIP')
  await refused(ForbiddenException, as('ann', 'CreateChannelBan', { ChannelArn: s.hall, MemberArn: s.bob }))
  assert.equal((await as('mod', 'CreateChannelBan', { ChannelArn: s.hall, MemberArn: s.bob })).Member.Arn, s.bob)
  await s.ear.hears('DELETE_CHANNEL_MEMBERSHIP')
  same((await all('ChannelBans', (p) => as('mod', 'ListChannelBans', { ChannelArn: s.hall, ...p }))).map((b) => b.Member.Arn), [s.bob])
  assert.equal((await as('mod', 'DescribeChannelBan', { ChannelArn: s.hall, MemberArn: s.bob })).ChannelBan.CreatedBy.Arn, s.mod)
  await refused(ForbiddenException, as('bob', 'SendChannelMessage', { ChannelArn: s.hall, Content: 'x', Type: 'STANDARD', Persistence: 'PERSISTENT' }))
  await as('mod', 'DeleteChannelBan', { ChannelArn: s.hall, MemberArn: s.bob })
  await refused(NotFoundException, as('mod', 'DescribeChannelBan', { ChannelArn: s.hall, MemberArn: s.bob }))
})

await check('an admin makes and unmakes a moderator', async () => {
  assert.equal((await as('boss', 'CreateChannelModerator', { ChannelArn: s.hall, ChannelModeratorArn: s.ann })).ChannelModerator.Arn, s.ann)
  assert.equal((await as('boss', 'DescribeChannelModerator', { ChannelArn: s.hall, ChannelModeratorArn: s.ann })).ChannelModerator.CreatedBy.Arn, s.boss)
  const moderated = await as('ann', 'DescribeChannelModeratedByAppInstanceUser', { ChannelArn: s.hall, AppInstanceUserArn: s.ann })
  assert.equal(moderated.Channel.ChannelSummary.ChannelArn, s.hall)
  await as('boss', 'DeleteChannelModerator', { ChannelArn: s.hall, ChannelModeratorArn: s.ann })
  await refused(NotFoundException, as('boss', 'DescribeChannelModerator', { ChannelArn: s.hall, ChannelModeratorArn: s.ann }))
  await refused(UnauthorizedClientException, msg.send(new messaging.DescribeChannelCommand({ ChannelArn: s.hall, ChimeBearer: `${s.app}/user/none` })))
})

await check('a batch tells which of its members it took', async () => {
  const out = await as('boss', 'BatchCreateChannelMembership', { ChannelArn: s.hall, MemberArns: [s.bob, s.eve, `${s.app}/user/none`] })
  same(out.BatchChannelMemberships.Members.map((m) => m.Arn), [s.bob, s.eve])
  assert.deepEqual(out.Errors.map((e) => e.MemberArn), [`${s.app}/user/none`])
  const batch = await s.ear.next()
  assert.equal(batch.event, 'BATCH_CREATE_CHANNEL_MEMBERSHIP')
})

await check('a channel is changed and closed before its members\' eyes', async () => {
  await as('mod', 'UpdateChannel', { ChannelArn: s.hall, Name: 'Encore', Mode: 'RESTRICTED', Metadata: '' })
  const changed = await s.ear.next()
  assert.deepEqual([changed.event, JSON.parse(changed.payload).Name, JSON.parse(changed.payload).Privacy], ['UPDATE_CHANNEL', 'Encore', 'PRIVATE'])
  await as('mod', 'DeleteChannel', { ChannelArn: s.hall })
  await s.ear.hears('DELETE_CHANNEL')
  await refused(ForbiddenException, as('mod', 'DescribeChannel', { ChannelArn: s.hall }))
})

await check('everything is taken away again', async () => {
  await dev('DeleteAppInstanceAdmin', { AppInstanceArn: s.app, AppInstanceAdminArn: s.boss })
  await refused(ForbiddenException, as('boss', 'ListChannels', { AppInstanceArn: s.app, Privacy: 'PRIVATE' }))
  await dev('DeleteAppInstanceUser', { AppInstanceUserArn: s.eve })
  await refused(identity.ForbiddenException, dev('DescribeAppInstanceUser', { AppInstanceUserArn: s.eve }))
  s.ear.session.stop()
  await dev('DeleteAppInstance', { AppInstanceArn: s.app })
  await refused(identity.ForbiddenException, dev('DescribeAppInstance', { AppInstanceArn: s.app }))
})

process.exit(0)
