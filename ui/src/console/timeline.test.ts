import { render, screen } from '@testing-library/svelte';
import { describe, expect, it } from 'vitest';
import { sampleChat, sampleEvent } from './samples';
import { timeline } from './timeline';
import Timeline from './Timeline.svelte';

const archive = { messages: 18233, bytes: 4_123_881, sha256: '9f86d081884c7d65', exportedAt: '2026-11-22T22:00:00.000Z' };
const now = Date.parse('2026-11-22T22:04:00Z');
const statuses = (...args: Parameters<typeof timeline>) => timeline(...args).map((s) => `${s.id} ${s.status}`);

describe('after the show', () => {
  it('has no steps before the end', () => {
    expect(timeline(sampleEvent({ state: 'live' }), null, 0)).toEqual([]);
  });
  it('exports before anything is deleted', () => {
    expect(statuses(sampleEvent({ state: 'ended' }), sampleChat({ made: 803 }), 803)).toEqual(['ended done', 'archive-done now', 'deleting waiting', 'purged waiting']);
  });
  it('counts deleted resources against the most that were there', () => {
    const steps = timeline(sampleEvent({ state: 'archived', archive }), sampleChat({ made: 300, toDelete: 300, state: 'deleting' }), 803);
    expect(steps.map((s) => s.status)).toEqual(['done', 'done', 'now', 'waiting']);
    expect(steps[2]?.detail).toBe('503 of 803 deleted.');
  });
  it('never says more deleted than there were, for a page opened late', () => {
    const steps = timeline(sampleEvent({ state: 'archived', archive }), sampleChat({ toDelete: 300, state: 'deleting' }), 0);
    expect(steps[2]?.detail).toBe('0 of 300 deleted.');
  });
  it('is all done when the show is purged', () => {
    expect(statuses(sampleEvent({ state: 'purged', archive }), null, 803)).toEqual(['ended done', 'archive-done done', 'deleting done', 'purged done']);
  });
  it('has nothing to export where there was no chat', () => {
    expect(statuses(sampleEvent({ state: 'purged', chat: false }), null, 0)).toEqual(['ended done', 'purged done']);
  });
});

describe('the timeline on the page', () => {
  it('offers the exported history with its size, sum and download', () => {
    render(Timeline, { event: sampleEvent({ state: 'archived', archive }), chat: sampleChat({ toDelete: 3, state: 'deleting' }), mostSeen: 9, now });
    expect(screen.getByTestId('archive-done').textContent).toContain('18,233 messages, 4.1 MB.');
    expect(screen.getByTestId('archive-done').textContent).toContain('4 min ago');
    expect(screen.getByTestId('archive-download').getAttribute('href')).toBe('/api/v1/console/events/ev1/archive');
    expect(screen.getByText(archive.sha256)).toBeTruthy();
  });
  it('says purged only when it is', () => {
    const { rerender } = render(Timeline, { event: sampleEvent({ state: 'archived', archive }), chat: null, mostSeen: 9, now });
    expect(screen.queryByTestId('purged')).toBeNull();
    void rerender({ event: sampleEvent({ state: 'purged', archive }), chat: null, mostSeen: 9, now });
    return screen.findByTestId('purged');
  });
});
