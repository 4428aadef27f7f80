import { render, screen } from '@testing-library/svelte';
import { describe, expect, it } from 'vitest';
import ImportReportView from './ImportReportView.svelte';
import { refusedCsv, rowsShown, summary } from './report';
import type { ImportReport } from './types';

const report: ImportReport = {
  layout: 'pretix',
  lines: 1014,
  new: 998,
  known: 9,
  revoked: 2,
  refusedCount: 2,
  warning: '',
  refused: [
    { line: 17, reason: 'The code column is empty.', excerpt: 'ORD42,1,,müller' },
    { line: 1403, reason: 'Too few columns.', excerpt: '<img src=x onerror=alert(1)>' },
  ],
};

describe('the import report', () => {
  it('shows the four figures and each refused line with its reason', () => {
    render(ImportReportView, { file: 'tickets.csv', report });
    const text = screen.getByTestId('import-report').textContent ?? '';
    for (const word of ['tickets.csv', 'pretix', '1,014 lines', '998', 'already known', 'revoked', 'refused']) expect(text).toContain(word);
    const lines = screen.getAllByTestId('refused-line');
    expect(lines).toHaveLength(2);
    expect(lines[1]?.textContent).toContain('1,403');
    expect(lines[1]?.textContent).toContain('Too few columns.');
  });
  it('shows what stands in the file as text, never as markup', () => {
    render(ImportReportView, { file: 'x.csv', report });
    expect(document.querySelector('img')).toBeNull();
    expect(screen.getByText('<img src=x onerror=alert(1)>')).toBeTruthy();
  });
  it('tells a screen reader the result in one sentence', () => {
    render(ImportReportView, { file: 'x.csv', report });
    expect(screen.getByRole('status').textContent).toBe('1,014 lines read: 998 new, 9 already known, 2 revoked, 2 refused.');
    expect(summary({ ...report, lines: 1, new: 1, known: 0, revoked: 0, refusedCount: 0, refused: [] })).toBe('1 line read: 1 new, 0 already known, 0 refused.');
  });
  it('offers no table when nothing was refused', () => {
    render(ImportReportView, { file: 'x.csv', report: { ...report, refusedCount: 0, refused: [] } });
    expect(screen.queryByRole('table')).toBeNull();
    expect(screen.queryByText('Refused lines as CSV')).toBeNull();
  });
  it('passes on what the server warns of', () => {
    render(ImportReportView, { file: 'x.csv', report: { ...report, warning: 'The codes are short.' } });
    expect(screen.getByTestId('import-warning').textContent).toBe('The codes are short.');
  });
  it('draws a bounded number of rows for a file of another kind', () => {
    const refused = Array.from({ length: rowsShown + 100 }, (_, i) => ({ line: i + 1, reason: 'No.', excerpt: 'x' }));
    render(ImportReportView, { file: 'x.csv', report: { ...report, refusedCount: 9000, refused } });
    expect(screen.getAllByTestId('refused-line')).toHaveLength(rowsShown);
    expect(screen.getByText(/The first 500 of 9,000 are shown; the CSV has the first 600/)).toBeTruthy();
  });
});

describe('the refused lines as a file', () => {
  it('quotes what needs it and disarms formulas', () => {
    const csv = refusedCsv([
      { line: 3, reason: 'a, "b"', excerpt: '=HYPERLINK("http://evil.example")' },
      { line: 4, reason: 'two\nlines', excerpt: '-1' },
    ]);
    expect(csv).toBe('\uFEFFline,reason,excerpt\r\n3,"a, ""b""","\'=HYPERLINK(""http://evil.example"")"\r\n4,"two\nlines",\'-1\r\n');
  });
});
