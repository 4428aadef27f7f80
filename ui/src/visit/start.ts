import { mount, type Component } from 'svelte';
import { Problem } from '../api/call';
import { readBoot, type Boot } from './boot';
import Failed from './Failed.svelte';

/** Puts a page of an event on the screen, or says why there is none. */
export async function start(App: Component<{ boot: Boot }>): Promise<void> {
  const target = document.getElementById('app')!;
  try {
    const boot = await readBoot();
    document.title = document.title.replace(/^Stagedoor$/, `${boot.event.name} – ${boot.event.artist}`);
    mount(App, { target, props: { boot } });
  } catch (error) {
    mount(Failed, { target, props: { detail: error instanceof Problem ? error.message : 'This page did not load. Please reload it.' } });
  }
}
