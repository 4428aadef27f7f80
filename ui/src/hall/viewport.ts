// Phones with an on-screen keyboard: iOS lays it over the page and moves the page beneath. The hall follows what is really
// visible, so that the box for typing is above the keyboard and the video stays on top.

/** Sets --visible-height and the class typing on the root element; answers how to stop. */
export function followViewport(): () => void {
  const root = document.documentElement;
  const viewport = window.visualViewport;
  if (!viewport) return () => {};
  const coarse = matchMedia('(pointer: coarse)');
  const follow = () => {
    root.style.setProperty('--visible-height', `${viewport.height}px`);
    // Less than two thirds of the screen: no browser bar is so tall, it is the keyboard.
    root.classList.toggle('typing', coarse.matches && viewport.height < screen.height * 0.66 && viewport.height > viewport.width);
    if (viewport.offsetTop > 0) window.scrollTo(0, 0);
  };
  follow();
  viewport.addEventListener('resize', follow);
  viewport.addEventListener('scroll', follow);
  return () => {
    viewport.removeEventListener('resize', follow);
    viewport.removeEventListener('scroll', follow);
    root.style.removeProperty('--visible-height');
    root.classList.remove('typing');
  };
}
