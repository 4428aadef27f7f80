// The light build has the same types and no declaration of its own.
declare module 'hls.js/light' {
  export { default } from 'hls.js';
}
