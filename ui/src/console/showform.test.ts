import { fireEvent, render, screen, waitFor } from '@testing-library/svelte';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ConsoleModel } from './model.svelte';
import { sampleEvent } from './samples';
import ShowForm from './ShowForm.svelte';

afterEach(() => {
  vi.unstubAllGlobals();
  location.hash = '';
});

/** Answers every call with this body, as the server would over the wire; returns what was sent. */
function wire(status: number, body: unknown) {
  const sent: { method: string; url: string; body: unknown }[] = [];
  vi.stubGlobal('fetch', async (url: string, init: RequestInit) => {
    sent.push({ method: init.method ?? 'GET', url, body: JSON.parse(String(init.body)) });
    return new Response(JSON.stringify(body), { status });
  });
  return sent;
}

const field = (name: string) => screen.getByTestId(`field-${name}`) as HTMLInputElement;
const type = (name: string, value: string) => fireEvent.input(field(name), { target: { value } });
const save = () => fireEvent.click(screen.getByTestId('save-show'));

describe('the form of a show', () => {
  it('says beside each field what is missing and asks nobody', async () => {
    const sent = wire(200, {});
    render(ShowForm, { model: new ConsoleModel(), event: null });
    await save();
    expect(field('name').getAttribute('aria-invalid')).toBe('true');
    const id = field('name').getAttribute('aria-describedby') ?? '';
    expect(document.getElementById(id)?.textContent).toBe('Give the show a name.');
    await waitFor(() => expect(document.activeElement).toBe(field('name')));
    expect(sent).toEqual([]);
  });

  it('puts the server’s refusal beside its field and keeps what was typed', async () => {
    wire(422, { code: 'slug_taken', detail: 'Another show has this address.', field: 'slug' });
    render(ShowForm, { model: new ConsoleModel(), event: null });
    await type('name', 'Winter Songs');
    await type('artist', 'Mira Sol');
    await type('slug', 'winter');
    await save();
    expect(await screen.findByText('Another show has this address.')).toBeTruthy();
    await waitFor(() => expect(document.activeElement).toBe(field('slug')));
    expect([field('name').value, field('artist').value, field('slug').value]).toEqual(['Winter Songs', 'Mira Sol', 'winter']);
  });

  it('says a refusal without a field where it is seen', async () => {
    wire(500, {});
    render(ShowForm, { model: new ConsoleModel(), event: null });
    await type('name', 'N');
    await type('artist', 'A');
    await save();
    expect((await screen.findByTestId('form-refusal')).textContent).not.toBe('');
  });

  it('keeps a draft over a walk to another page, until it is saved or cancelled', async () => {
    const model = new ConsoleModel();
    const first = render(ShowForm, { model, event: null });
    await type('name', 'Half typed');
    first.unmount();
    render(ShowForm, { model, event: null });
    expect(field('name').value).toBe('Half typed');
    await fireEvent.click(screen.getByText('Cancel'));
    expect(location.hash).toBe('#/');
  });

  it('sends local times with their zone, and keeps the staff codes for the next page', async () => {
    const model = new ConsoleModel();
    const sent = wire(200, { event: sampleEvent({ id: 'ev9' }), staffCodes: [{ role: 'moderator', code: 'M7QK' }] });
    render(ShowForm, { model, event: null });
    await type('name', ' Winter Songs ');
    await type('artist', 'Mira Sol');
    await type('zone', 'Asia/Tokyo');
    await type('starts', '2026-12-01T20:00');
    await fireEvent.click(screen.getByTestId('use-test-stream'));
    await save();
    await waitFor(() => expect(location.hash).toBe('#/shows/ev9'));
    expect(sent).toEqual([
      {
        method: 'POST',
        url: '/api/v1/console/events',
        body: {
          name: 'Winter Songs',
          artist: 'Mira Sol',
          description: '',
          timeZone: 'Asia/Tokyo',
          startsAt: '2026-12-01T20:00',
          doorsAt: '2026-12-01T19:30',
          streamUrl: '/test-stream/live.m3u8',
          chat: true,
        },
      },
    ]);
    expect(model.codes['ev9']).toEqual([{ role: 'moderator', code: 'M7QK' }]);
  });

  it('changes an existing show under its id', async () => {
    const sent = wire(200, sampleEvent({ name: 'Other' }));
    render(ShowForm, { model: new ConsoleModel(), event: sampleEvent() });
    expect(field('starts').value).toBe('2026-11-22T20:30');
    await type('name', 'Other');
    await save();
    await waitFor(() => expect(location.hash).toBe('#/shows/ev1'));
    expect([sent[0]?.method, sent[0]?.url]).toEqual(['PUT', '/api/v1/console/events/ev1']);
  });
});
