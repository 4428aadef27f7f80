// How a page begins: with what the server wrote into it, or, while developing, with what the API says.

import { call } from '../api/call';
import type { EventView, Me } from '../api/types';

export interface Boot {
  event: EventView;
  me: Me | null;
}

/** Throws Problem when nothing was written into the page and the API does not answer either. */
export async function readBoot(): Promise<Boot> {
  const written = document.getElementById('boot')?.textContent?.trim();
  if (written) return JSON.parse(written) as Boot;
  const slug = location.pathname.split('/')[2] ?? '';
  const api = `/api/v1/events/${slug}`;
  const [event, me] = await Promise.all([call<EventView>('GET', api), call<Me>('GET', `${api}/me`).catch(() => null)]);
  return { event, me };
}
