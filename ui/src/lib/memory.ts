// Small things a browser remembers. A browser that refuses storage forgets, nothing worse.

function guarded(store: () => Storage) {
  return {
    get(key: string): string {
      try {
        return store().getItem(key) ?? '';
      } catch {
        return '';
      }
    },
    set(key: string, value: string): void {
      try {
        if (value === '') store().removeItem(key);
        else store().setItem(key, value);
      } catch {
        // Full, or forbidden.
      }
    },
  };
}

/** For this device, until cleared. */
export const device = guarded(() => localStorage);
/** For this tab: survives a reload, not the evening. */
export const tab = guarded(() => sessionStorage);
