// The form of a show as text fields, and the way from and to what the API speaks.

import type { EventAdmin, EventInput } from './types';
import { knownZone, parse } from './format';
import { minutesBefore, toInstant, toWall } from './zone';

/** Doors open half an hour before the start unless the organizer says otherwise. */
export const doorsMinutes = 30;
/** The short looping stream that every installation serves. */
export const testStream = '/test-stream/live.m3u8';

export interface ShowForm {
  name: string;
  artist: string;
  description: string;
  timeZone: string;
  /** Wall clocks of `timeZone`, as a datetime-local field gives them. */
  startsAt: string;
  doorsAt: string;
  streamUrl: string;
  chat: boolean;
  /** '' lets the server make one from the name. */
  slug: string;
}

export type Field = keyof ShowForm;
export type FieldErrors = Partial<Record<Field, string>>;

/** Top to bottom, as on the page: the first wrong one gets the focus. */
export const fieldOrder: readonly Field[] = ['name', 'artist', 'description', 'startsAt', 'timeZone', 'doorsAt', 'streamUrl', 'chat', 'slug'];

/** A new show: tomorrow at 20:00 in the given zone, so that only what matters has to be typed. */
export function emptyForm(timeZone: string, now: number): ShowForm {
  const startsAt = `${toWall(now + 86_400_000, timeZone).slice(0, 10)}T20:00`;
  return {
    name: '', artist: '', description: '', timeZone, startsAt, doorsAt: minutesBefore(startsAt, doorsMinutes), streamUrl: '', chat: true, slug: '',
  };
}

/** The form of a show that exists. */
export function formOf(event: EventAdmin): ShowForm {
  const zone = knownZone(event.timeZone) ? event.timeZone : 'UTC';
  const wall = (at: string) => {
    const ms = parse(at);
    return ms === null ? '' : toWall(ms, zone);
  };
  const { name, artist, description, streamUrl, chat, slug } = event;
  return { name, artist, description, timeZone: zone, startsAt: wall(event.startsAt), doorsAt: wall(event.doorsAt), streamUrl, chat, slug };
}

/** What the API takes. An empty slug is left out. */
export function inputOf(form: ShowForm): EventInput {
  const input: EventInput = {
    name: form.name.trim(),
    artist: form.artist.trim(),
    description: form.description.trim(),
    timeZone: form.timeZone.trim(),
    startsAt: form.startsAt,
    doorsAt: form.doorsAt,
    streamUrl: form.streamUrl.trim(),
    chat: form.chat,
  };
  const slug = form.slug.trim();
  if (slug !== '') input.slug = slug;
  return input;
}

/** Moves doors with the start while their distance is the default one, so that nobody has to type two dates. */
export function withStart(form: ShowForm, startsAt: string): ShowForm {
  const follows = form.doorsAt === '' || form.doorsAt === minutesBefore(form.startsAt, doorsMinutes);
  return { ...form, startsAt, doorsAt: follows ? minutesBefore(startsAt, doorsMinutes) : form.doorsAt };
}

/** What can be told without asking the server. The server checks everything again and has the last word. */
export function check(form: ShowForm): FieldErrors {
  const errors: FieldErrors = {};
  if (form.name.trim() === '') errors.name = 'Give the show a name.';
  if (form.artist.trim() === '') errors.artist = 'Say who is playing.';
  if (!knownZone(form.timeZone.trim())) errors.timeZone = 'Choose a time zone from the list, such as Europe/Berlin.';
  if (form.startsAt === '') errors.startsAt = 'Say when the show starts.';
  if (form.doorsAt === '') errors.doorsAt = 'Say when doors open.';
  else if (form.startsAt !== '' && form.doorsAt > form.startsAt) errors.doorsAt = 'Doors have to open before the show starts.';
  const stream = form.streamUrl.trim();
  if (stream !== '' && !/^(https?:\/\/|\/(?!\/))\S+$/i.test(stream)) {
    errors.streamUrl = 'The address starts with https:// or with / for a path on this server.';
  }
  const slug = form.slug.trim();
  if (slug !== '' && !/^[a-z0-9]+(-[a-z0-9]+)*$/.test(slug)) errors.slug = 'Small letters, digits and single dashes, such as winter-songs.';
  return errors;
}

/** The field a problem's `field` names; "body.startsAt" and "startsAt" are the same. Null if the form has no such field. */
export function fieldOf(name: string | undefined): Field | null {
  const last = name?.split('.').at(-1);
  return fieldOrder.find((f) => f === last) ?? null;
}

// Letters without a Latin base, as the server writes them (internal/event/slug.go, which decides): ä as ae, not as a.
const letters = new Map<string, string>();
const from = [...'äöüßæœøåðþđłıŋабвгдеёжзийклмнопрстуфхцчшщъыьэюяіїєґўαβγδεζηθικλμνξοπρσςτυφχψω'];
const latin =
  'ae oe ue ss ae oe o a d th d l i ng a b v g d e e zh z i i k l m n o p r s t u f kh ts ch sh shch - y - e iu ia i i ie g u a v g d e z i th i k l m n x o p r s s t y f ch ps o';
latin.split(' ').forEach((to, i) => letters.set(from[i] ?? '', to === '-' ? '' : to));

/** What a name becomes in the address unless the organizer writes one: a preview; the server decides. "" for no name. */
export function slugOf(name: string): string {
  if (name.trim() === '') return '';
  let text = '';
  for (const c of name.toLowerCase().normalize('NFC')) {
    text += letters.get(c) ?? [...c.normalize('NFKD')].map((d) => letters.get(d) ?? d).join('');
  }
  const dashed = text.replace(/[\p{Mn}'’]/gu, '').replace(/[^a-z0-9]+/g, '-');
  return dashed.replace(/^-+/, '').slice(0, 60).replace(/-+$/, '') || 'show';
}

/** The start as an instant, for "that is 20:00 with you, in 3 days"; null while the form does not name one. */
export function startInstant(form: ShowForm): number | null {
  const zone = form.timeZone.trim();
  return knownZone(zone) ? toInstant(form.startsAt, zone) : null;
}
