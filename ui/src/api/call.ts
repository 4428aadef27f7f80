// One way to ask the server: JSON in, JSON out, and every failure is a Problem with a sentence a person can read.

/** RFC 9457 problem details as the server writes them. */
export class Problem extends Error {
  override readonly name = 'Problem';

  constructor(
    /** HTTP status; 0 = the server was not reached. */
    readonly status: number,
    /** Stable word, such as code_unknown; not_reached when the server was not reached. */
    readonly code: string,
    /** A sentence for people. */
    detail: string,
    /** Input field the problem is about, '' when none. */
    readonly field = '',
    /** Try again after so many milliseconds; 0 = not said. */
    readonly retryAfterMs = 0,
  ) {
    super(detail);
  }
}

/** A phone in a tunnel must not wait for ever; the slowest honest answer, a big ticket import, sets its own limit. */
const PATIENCE_MS = 15_000;

export interface CallOptions {
  /** Sent as JSON. */
  json?: unknown;
  /** Sent as it is, with the type given. */
  raw?: { body: Blob | string; type: string };
  patienceMs?: number;
}

/** Calls the API; answers the parsed body, undefined for 204. Throws Problem, nothing else. */
export async function call<T>(method: string, path: string, options: CallOptions = {}): Promise<T> {
  const headers: Record<string, string> = { accept: 'application/json' };
  let body: BodyInit | null = null;
  if (options.json !== undefined) {
    headers['content-type'] = 'application/json';
    body = JSON.stringify(options.json);
  } else if (options.raw) {
    headers['content-type'] = options.raw.type;
    body = options.raw.body;
  }
  let response: Response;
  let text: string;
  try {
    const signal = AbortSignal.timeout(options.patienceMs ?? PATIENCE_MS);
    response = await fetch(path, { method, headers, body, credentials: 'same-origin', signal });
    text = await response.text();
  } catch {
    throw new Problem(0, 'not_reached', 'No connection to the theatre. Check your network and try again.');
  }
  if (!response.ok) throw toProblem(response, text);
  try {
    return (text === '' ? undefined : JSON.parse(text)) as T;
  } catch {
    throw new Problem(response.status, 'not_understood', 'The answer could not be read. Please try again.');
  }
}

function toProblem(response: Response, text: string): Problem {
  let said: { code?: string; detail?: string; title?: string; field?: string; retryAfterMs?: number } = {};
  try {
    said = JSON.parse(text);
  } catch {
    // A proxy's page, not ours: the status alone has to do.
  }
  const detail = said.detail || said.title || 'Something went wrong on our side. Please try again in a moment.';
  return new Problem(response.status, said.code ?? 'unknown', detail, said.field ?? '', said.retryAfterMs ?? 0);
}
