// Amazon's own clients in a browser: amazon-chime-sdk-js and the AWS SDK for JavaScript, as any web app would use them.
// browser_test.go bundles this file, serves it as a page and tells it what to do; what the clients say goes back.
import { ConsoleLogger, DefaultMessagingSession, LogLevel, MessagingSessionConfiguration, PrefetchOn } from 'amazon-chime-sdk-js'
import * as messaging from '@aws-sdk/client-chime-sdk-messaging'

const { endpoint, region } = await (await fetch('/config')).json()

const post = (path, body) => fetch(path, { method: 'POST', body: JSON.stringify(body) })

/** What happened to a session, told one after the other. */
let telling = Promise.resolve()
const tell = (user, what) => { telling = telling.then(() => post('/heard', { user, ...what })) }

/** The page's own server hands out credentials. They are asked for again at every call, as when they are about to expire. */
const credentials = (user) => async () => {
  const c = await (await fetch(`/credentials?user=${encodeURIComponent(user)}`)).json()
  return { ...c, expiration: new Date(Date.now() + 60_000) }
}

/** The session's log is the only place where it says with which code a connection that it opens again was closed. */
class Log extends ConsoleLogger {
  constructor(user) {
    super(user, LogLevel.INFO)
    this.user = user
  }

  info(message) {
    super.info(message)
    const closed = /^WebSocket close: (\d+)/.exec(message)
    // 4999 is the SDK's own word for an endpoint that it could not look up; it tries again.
    if (closed && closed[1] !== '4999') tell(this.user, { event: 'closed', code: Number(closed[1]) })
  }
}

/** A session whose new connection is refused tells no observer: it rejects a promise that nobody has. */
addEventListener('unhandledrejection', (e) => tell('page', { event: 'rejected', code: e.reason?.code ?? 0 }))

const clients = {}, sessions = {}

const commands = {
  async open({ user, arn, prefetch }) {
    clients[user] = new messaging.ChimeSDKMessagingClient({ region, endpoint, credentials: credentials(user) })
    const configuration = new MessagingSessionConfiguration(arn, null, undefined, clients[user])
    if (prefetch) configuration.prefetchOn = PrefetchOn.Connect
    const session = sessions[user] = new DefaultMessagingSession(configuration, new Log(user))
    session.addObserver({
      messagingSessionDidStartConnecting: (reconnecting) => tell(user, { event: reconnecting ? 'reconnecting' : 'connecting' }),
      messagingSessionDidStart: () => tell(user, { event: 'started' }),
      messagingSessionDidStop: (e) => tell(user, { event: 'stopped', code: e.code }),
      messagingSessionDidReceiveMessage: (m) => tell(user, { event: m.type, headers: m.headers, payload: m.payload }),
    })
    await session.start()
    return {}
  },

  async stop({ user }) {
    sessions[user].stop()
    return {}
  },

  async call({ user, operation, input }) {
    return clients[user].send(new messaging[`${operation}Command`](input))
  },
}

for (;;) {
  const command = await (await fetch('/next')).json()
  let answer
  try {
    answer = { output: await commands[command.do](command) }
  } catch (e) {
    const typed = Object.entries(messaging).find(([name, type]) =>
      name.endsWith('Exception') && type !== messaging.ChimeSDKMessagingServiceException && e instanceof type)
    answer = { refused: typed?.[0] ?? e.name ?? '', code: e.code ?? 0, message: e.message ?? '' }
  }
  await post('/answer', answer)
}
