// @vitest-environment node
import { expect, test } from 'vitest';
import { toMessage } from './messaging';
import { read } from './session';

const SELF = 'arn:aws:chime:us-east-1:1:app-instance/a/user/f-1';
const frame = (kind: string, payload?: unknown) =>
  JSON.stringify({ Headers: { 'x-amz-chime-event-type': kind }, ...(payload ? { Payload: JSON.stringify(payload) } : {}) });

const wire = {
  MessageId: 'm1',
  Content: '{"v":1,"kind":"line","text":"hi","at":1}',
  CreatedTimestamp: '2026-11-22T20:00:00.125Z',
  Sender: { Arn: SELF, Name: 'Anna' },
};

test('a message has one form, whether it comes in a frame (ISO time) or in history (seconds)', () => {
  const [event] = read(frame('CREATE_CHANNEL_MESSAGE', wire), SELF);
  expect(event).toEqual({ type: 'message', message: toMessage({ ...wire, CreatedTimestamp: 1795377600.125 }) });
  expect(event).toMatchObject({ message: { at: Date.parse('2026-11-22T20:00:00.125Z'), senderId: 'f-1', senderName: 'Anna' } });
});

test('a redaction loses the content even if the frame still has it', () => {
  const [event] = read(frame('REDACT_CHANNEL_MESSAGE', wire), SELF);
  expect(event).toMatchObject({ message: { redacted: true, content: null } });
});

test('a session is established without a payload', () => {
  expect(read(frame('SESSION_ESTABLISHED'), SELF)).toEqual([{ type: 'established' }]);
});

test('only the own removal from the channel counts', () => {
  expect(read(frame('DELETE_CHANNEL_MEMBERSHIP', { Member: { Arn: SELF } }), SELF)).toEqual([{ type: 'removed' }]);
  expect(read(frame('DELETE_CHANNEL_MEMBERSHIP', { Member: { Arn: `${SELF}0` } }), SELF)).toEqual([]);
});

test.each(['', 'null', '[]', '{"Headers":{}}', '{"Headers":{"x-amz-chime-event-type":"CREATE_CHANNEL_MESSAGE"},"Payload":"{"}', frame('NEW_IN_2030', { a: 1 }), frame('constructor', {})])(
  'a frame nobody knows is nothing: %s',
  (data) => expect(read(data, SELF)).toEqual([]),
);
