// The answer to a ticket file, in words and as a file to send back to the box office.

import type { ImportReport, RefusedLine } from './types';
import { count, plural } from './format';

/** Rows drawn at most; a file of another kind refuses every one of its lines and the page must live through that. */
export const rowsShown = 500;

/** Who made the layout that the server recognized. */
export const layoutName: Record<ImportReport['layout'], string> = {
  pretix: 'pretix order positions',
  eventbrite: 'Eventbrite attendees',
  generic: 'a plain list of codes',
};

/** One sentence for eyes and for screen readers. */
export function summary(r: ImportReport): string {
  const parts = [`${count(r.new)} new`, `${count(r.known)} already known`];
  if (r.revoked > 0) parts.push(`${count(r.revoked)} revoked`);
  parts.push(`${count(r.refusedCount)} refused`);
  return `${plural(r.lines, 'line')} read: ${parts.join(', ')}.`;
}

/**
 * One cell of a CSV file. Text that a spreadsheet would run as a formula gets an apostrophe in front: excerpts come
 * from a file a stranger may have written (OWASP, CSV injection).
 */
function cell(value: string | number): string {
  let text = String(value);
  if (typeof value === 'string' && /^[=+\-@\t\r]/.test(text)) text = `'${text}`;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** The refused lines as CSV (RFC 4180), with a byte order mark because Excel reads UTF-8 only then. */
export function refusedCsv(refused: readonly RefusedLine[]): string {
  const rows: (string | number)[][] = [['line', 'reason', 'excerpt'], ...refused.map((r) => [r.line, r.reason, r.excerpt])];
  return '\uFEFF' + rows.map((row) => row.map(cell).join(',') + '\r\n').join('');
}
