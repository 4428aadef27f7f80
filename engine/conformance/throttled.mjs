// An engine with the case study's limits, ten calls a second over everything: what the SDK for JavaScript makes of it.
import assert from 'node:assert/strict'
import * as identity from '@aws-sdk/client-chime-sdk-identity'
import * as messaging from '@aws-sdk/client-chime-sdk-messaging'
import { check, options, root } from './clients.mjs'

// The SDK takes Amazon's throttles for what they are and tries again by itself, when it may.
const patient = { ...options(root), maxAttempts: 30 }
const id = new identity.ChimeSDKIdentityClient(patient)
const patientMsg = new messaging.ChimeSDKMessagingClient(patient)
const hasty = new messaging.ChimeSDKMessagingClient(options(root))

const s = {}

await check('a patient client never sees a throttle', async () => {
  s.app = (await id.send(new identity.CreateAppInstanceCommand({ Name: 'throttled' }))).AppInstanceArn
  s.ann = (await id.send(new identity.CreateAppInstanceUserCommand({ AppInstanceArn: s.app, AppInstanceUserId: 'ann', Name: 'Ann' }))).AppInstanceUserArn
  s.room = (await patientMsg.send(new messaging.CreateChannelCommand({ AppInstanceArn: s.app, Name: 'room', ChimeBearer: s.ann }))).ChannelArn
})

await check('a hasty one is told ThrottledClientException', async () => {
  const list = () => hasty.send(new messaging.ListChannelMessagesCommand({ ChannelArn: s.room, ChimeBearer: s.ann }))
  for (let round = 0; round < 100; round++) { // a machine that is slower than ten calls a second needs another round
    const outcomes = await Promise.allSettled(Array.from({ length: 30 }, list))
    const refused = outcomes.filter((o) => o.status === 'rejected').map((o) => o.reason)
    for (const e of refused) {
      assert.ok(e instanceof messaging.ThrottledClientException, `${e.name}: ${e.message}`)
      assert.deepEqual([e.$metadata.httpStatusCode, e.Code], [429, 'Throttled'])
    }
    if (refused.length > 0) return
  }
  assert.fail('three thousand calls and no throttle')
})

process.exit(0)
