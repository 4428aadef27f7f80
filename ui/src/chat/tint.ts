// A colour per person, so that a voice is recognised in a fast chat. Twelve hues, each with a shade for paper and one for
// the dark; styles.css has the values and contrast.test.ts checks them. Colour is never the only sign: names are there.

export const TINTS = 12;

/** FNV-1a over the id: the same person has the same colour on every device. */
export function tintOf(senderId: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < senderId.length; i++) hash = Math.imul(hash ^ senderId.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % TINTS;
}
