// Keeping a live stream playing: natively where the browser can, else with hls.js, which is loaded only then. It knows
// nothing of seats and chats.

export type PlaybackState = 'loading' | 'playing' | 'paused' | 'waiting' | 'interrupted';

export interface Playback {
  stop(): void;
  /** Try again now. */
  retry(): void;
}

/** A picture that does not move for so long is not "buffering" any more. */
const STALL_MS = 12_000;
const RETRY_MS = [1_000, 2_000, 4_000, 8_000];

export function keepPlaying(video: HTMLVideoElement, url: string, tell: (state: PlaybackState) => void): Playback {
  let stopped = false;
  let failures = 0;
  let unload = () => {};
  let timer: ReturnType<typeof setTimeout> | undefined;
  let lastMove = Date.now();
  let lastTime = -1;

  const start = async () => {
    clearTimeout(timer);
    timer = undefined;
    unload();
    if (stopped) return;
    lastMove = Date.now();
    tell(failures === 0 ? 'loading' : 'interrupted');
    try {
      unload = await load(video, url, fail);
      if (stopped) unload();
      else await video.play().catch(refused);
    } catch {
      fail();
    }
  };
  // The browser may want a tap before it plays; anything else means that there is nothing to play.
  const refused = (error: unknown) => {
    if (error instanceof DOMException && error.name === 'NotAllowedError') tell('paused');
    else if (!(error instanceof DOMException && error.name === 'AbortError')) fail();
  };
  const fail = () => {
    if (stopped || timer !== undefined) return;
    tell('interrupted');
    timer = setTimeout(() => void start(), RETRY_MS[Math.min(failures, RETRY_MS.length - 1)]! * (0.75 + Math.random() / 2));
    failures++;
  };

  const listeners: [string, () => void][] = [
    ['playing', () => ((failures = 0), tell('playing'))],
    ['pause', () => timer === undefined && !video.ended && tell('paused')],
    ['waiting', () => timer === undefined && tell('waiting')],
    ['error', fail],
    ['ended', fail], // a live stream has no end: the encoder was restarted
  ];
  for (const [name, listener] of listeners) video.addEventListener(name, listener);
  const watch = setInterval(() => {
    if (video.currentTime !== lastTime || video.paused) {
      lastTime = video.currentTime;
      lastMove = Date.now();
    } else if (Date.now() - lastMove > STALL_MS) {
      lastMove = Date.now();
      fail();
    }
  }, 1_000);

  void start();
  return {
    retry: () => void start(),
    stop() {
      stopped = true;
      clearTimeout(timer);
      clearInterval(watch);
      for (const [name, listener] of listeners) video.removeEventListener(name, listener);
      unload();
    },
  };
}

/** Loads a stream into the element; answers how to take it out again. */
async function load(video: HTMLVideoElement, url: string, fail: () => void): Promise<() => void> {
  const native = !isPlaylist(url) || video.canPlayType('application/vnd.apple.mpegurl') !== '';
  if (native) {
    video.src = url;
    return () => {
      video.removeAttribute('src');
      video.load();
    };
  }
  const { default: Hls } = await import('hls.js/light');
  // A worker would come from a blob: URL, which the page's policy does not allow.
  const hls = new Hls({ enableWorker: false, liveDurationInfinity: true, backBufferLength: 30 });
  hls.on(Hls.Events.ERROR, (_event, data) => {
    if (!data.fatal) return;
    if (data.type === Hls.ErrorTypes.MEDIA_ERROR) hls.recoverMediaError();
    else fail();
  });
  hls.loadSource(url);
  hls.attachMedia(video);
  return () => hls.destroy();
}

function isPlaylist(url: string): boolean {
  return /\.m3u8($|[?#])/i.test(url);
}
