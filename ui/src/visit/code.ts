/**
 * A code in the address behind the # (a link in a ticket mail): taken into the field and out of the address, so that it
 * is not shared with it. The part behind # never reaches a server or its log.
 */
export function codeFromHash(): string {
  const code = new URLSearchParams(location.hash.slice(1)).get('code') ?? '';
  if (code !== '') history.replaceState(null, '', location.pathname + location.search);
  return code;
}
