// The console's way to the server: one typed function per call. Each answers or throws a Problem, nothing else.

import { call, Problem } from '../api/call';
import type { Filters, ResourceKey } from './resources';
import { keyPath, queryOf } from './route';
import type { ConsoleView, EventAdmin, EventInput, ImportReport, Plan, ProvisionStatus, ResourceCounts, ResourcePage, ResourceStory, StaffCode, StaffRole, Strangers } from './types';

/** The largest ticket file the server takes, bytes. */
export const largestTicketFile = 16 * 1024 * 1024;

/** Turns whatever a view caught into a Problem, so that it handles one kind. */
export function asProblem(e: unknown): Problem {
  return e instanceof Problem ? e : new Problem(0, 'unexpected', 'Something went wrong in this page. Reloading it helps.');
}

/** The session is missing or over: only signing in again helps. */
export const signedOut = (p: Problem): boolean => p.status === 401;

/** Nobody answered, or the server is in trouble: the same call may work later. */
export const passing = (p: Problem): boolean => p.status === 0 || p.status === 429 || p.status >= 500;

const path = (id: string) => `/api/v1/console/events/${encodeURIComponent(id)}`;

/** Trades the one-time token of a sign-in link for a session cookie. 401 link_used_or_expired. */
export const signIn = (token: string) => call<{ name: string }>('POST', '/api/v1/sign-in', { json: { token } });
export const signOut = () => call<void>('POST', '/api/v1/sign-out');
/** Everything the console shows, in one answer. 401 not_signed_in. */
export const getConsole = () => call<ConsoleView>('GET', '/api/v1/console');
/** 422 with `field` on bad input. The codes are in this answer and never again. */
export const createEvent = (input: EventInput) =>
  call<{ event: EventAdmin; staffCodes: StaffCode[] }>('POST', '/api/v1/console/events', { json: input });
export const updateEvent = (id: string, input: EventInput) => call<EventAdmin>('PUT', path(id), { json: input });
/** Makes one more code for the role; the others stay valid. */
export const makeStaffCode = (id: string, role: StaffRole) => call<StaffCode>('POST', `${path(id)}/staff-codes`, { json: { role } });
/** What an organizer does to a show's life. */
export type Act = 'start' | 'end' | 'reopen' | 'cancel' | 'uncancel';
/** start = live now; end = the show is over, reopen undoes it until the history is sealed; cancel = it does not take place, uncancel undoes it. */
export const act = (id: string, what: Act) => call<EventAdmin>('POST', `${path(id)}/${what}`);
/** Where the exported history is downloaded. */
export const archiveUrl = (id: string) => `${path(id)}/archive`;

const resources = '/api/v1/console/resources';
const provisioning = '/api/v1/console/provisioning';

/** Fifty things at the chat provider; `cursor` is the `next` of the page before, '' for the first. */
export function listResources(filters: Filters, cursor: string): Promise<ResourcePage> {
  const query = queryOf(filters);
  const more = cursor === '' ? '' : `${query === '' ? '?' : '&'}cursor=${encodeURIComponent(cursor)}`;
  return call<ResourcePage>('GET', `${resources}${query}${more}`);
}
/** Everything at the provider in numbers; the kinds are those of one show, or of all when `event` is ''. */
export const countResources = (event: string) =>
  call<ResourceCounts>('GET', `${resources}/counts${event === '' ? '' : `?event=${encodeURIComponent(event)}`}`);
/** 404 no_such_resource. */
export const getResource = (key: ResourceKey) => call<ResourceStory>('GET', `${resources}/${keyPath(key)}`);
export const retryResource = (key: ResourceKey) => call<{ retried: number }>('POST', `${resources}/${keyPath(key)}/retry`);
/** Stops new calls to the provider, or lets them go on; answers the state after that. */
export const pauseProvisioning = (paused: boolean) => call<ProvisionStatus>('POST', `${provisioning}/${paused ? 'pause' : 'resume'}`);
/** `query` is the question (planQuery). 422 with `field` on bad input. */
export const askPlan = (query: string) => call<Plan>('GET', `${provisioning}/plan?${query}`);
/** Lets the ledger be compared with what the provider really has, soon and in the background. */
export const sweepNow = () => call<void>('POST', `${provisioning}/sweep`);
/** What the last comparisons saw that is not ours. */
export const listStrangers = (cursor: string) => call<Strangers>('GET', `/api/v1/console/strangers${cursor === '' ? '' : `?cursor=${encodeURIComponent(cursor)}`}`);
/** Tries again whatever failed of a show, or of all shows when `event` is ''. */
export const retryFailed = (event: string) => call<{ retried: number }>('POST', `${provisioning}/retry`, { json: { eventId: event } });

/**
 * Sends a ticket file as it is. `onProgress` hears the sent share, 0…1, while the file travels: fetch cannot tell, so
 * this is an XMLHttpRequest. Aborting the signal throws a Problem with code `cancelled`.
 */
export function uploadTickets(id: string, file: File, onProgress: (share: number) => void, signal: AbortSignal): Promise<ImportReport> {
  return new Promise((resolve, reject) => {
    const cancelled = () => reject(new Problem(0, 'cancelled', 'Upload cancelled.'));
    if (signal.aborted) return cancelled();
    const xhr = new XMLHttpRequest();
    xhr.open('POST', `${path(id)}/tickets`);
    xhr.setRequestHeader('content-type', 'text/csv');
    xhr.setRequestHeader('accept', 'application/json');
    xhr.upload.onprogress = (e) => e.lengthComputable && e.total > 0 && onProgress(e.loaded / e.total);
    xhr.upload.onload = () => onProgress(1);
    xhr.onerror = () => reject(new Problem(0, 'not_reached', 'The connection broke. Sending the file again is safe: known tickets stay as they are.'));
    xhr.onabort = cancelled;
    xhr.onload = () => {
      try {
        resolve(reportOf(xhr.status, xhr.responseText));
      } catch (e) {
        reject(asProblem(e));
      }
    };
    signal.addEventListener('abort', () => xhr.abort(), { once: true });
    xhr.send(file);
  });
}

function reportOf(status: number, text: string): ImportReport {
  let said: Record<string, unknown>;
  try {
    said = JSON.parse(text) as Record<string, unknown>;
  } catch {
    throw new Problem(status, 'not_understood', `The answer could not be read (${status}). Please try again.`);
  }
  if (status >= 200 && status < 300) return said as unknown as ImportReport;
  const word = (key: string, otherwise: string) => (typeof said[key] === 'string' && said[key] !== '' ? said[key] : otherwise);
  const detail = word('detail', word('title', `The server refused the file (${status}).`));
  throw new Problem(status, word('code', 'unknown'), detail, word('field', ''), Number(said['retryAfterMs'] ?? 0));
}
