// Theme, players, folds. Without it all is readable: players are then the browser's own.
(() => {
  'use strict';
  const root = document.documentElement;
  const wide = matchMedia('(min-width: 1200px)');
  const system = matchMedia('(prefers-color-scheme: dark)');
  const kept = (value) => {
    try {
      if (value) localStorage.setItem('auricle.theme', value);
      return localStorage.getItem('auricle.theme');
    } catch {
      return null; // storage is off: the theme lasts as long as the page
    }
  };

  // -- theme

  const button = document.getElementById('theme');
  const isDark = () => (root.dataset.theme ? root.dataset.theme === 'dark' : system.matches);
  const say = () => (button.textContent = isDark() ? 'Light' : 'Dark');
  const before = kept();
  if (before === 'light' || before === 'dark') root.dataset.theme = before;
  button.hidden = false;
  button.addEventListener('click', () => {
    root.dataset.theme = isDark() ? 'light' : 'dark';
    kept(root.dataset.theme);
    say();
  });
  system.addEventListener('change', say);
  say();

  // -- contents, reports, folds

  const contents = document.querySelector('.contents details');
  const fit = () => {
    contents.open = wide.matches;
    for (const box of document.querySelectorAll('.wide'))
      if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
      else box.removeAttribute('tabindex');
  };
  fit();
  wide.addEventListener('change', fit);
  addEventListener('resize', fit);
  document.addEventListener('toggle', fit, true);
  document.getElementById('reports')?.addEventListener('change', (event) => (location.search = `?name=${encodeURIComponent(event.target.value)}`));
  let folded = [];
  addEventListener('beforeprint', () => {
    folded = [...document.querySelectorAll('.fold:not([open])')];
    for (const fold of folded) fold.open = true;
  });
  addEventListener('afterprint', () => folded.forEach((fold) => (fold.open = false)));

  // -- players: one voice at a time

  const shapes = { play: 'M3 1.5v11l9-5.500z', pause: 'M2.500 1.500h3v11h-3zM8.500 1.500h3v11h-3z' };
  let current = null;
  function source(audio) {
    const [head, data] = audio.dataset.src.split(',');
    const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
    return URL.createObjectURL(new Blob([bytes], { type: /data:([^;]*)/.exec(head)[1] }));
  }
  for (const player of document.querySelectorAll('.player')) {
    const audio = player.querySelector('audio');
    const wave = player.querySelector('.wave');
    const name = audio.getAttribute('aria-label');
    const play = document.createElement('button');
    play.type = 'button';
    play.className = 'play';
    play.innerHTML = `<svg width="14" height="14" viewBox="0 0 14 14" aria-hidden="true"><path d="${shapes.play}"/></svg>`;
    const path = play.querySelector('path');
    const done = document.createElement('div');
    done.className = 'done';
    done.append(wave.firstElementChild.cloneNode(true));
    wave.append(done);
    player.prepend(play);
    player.classList.add('live');
    const length = () => (Number.isFinite(audio.duration) ? audio.duration : Number(audio.dataset.seconds));
    const paint = () => {
      path.setAttribute('d', audio.paused ? shapes.play : shapes.pause);
      play.setAttribute('aria-label', `${audio.paused ? 'Play' : 'Pause'} ${name}`);
      done.style.width = `${Math.min(100, (100 * audio.currentTime) / length())}%`;
      if (!audio.paused) requestAnimationFrame(paint);
    };
    const start = () => {
      if (!audio.src && audio.dataset.src) audio.src = source(audio);
      if (current && current !== audio) current.pause();
      current = audio;
      void audio.play();
    };
    play.addEventListener('click', () => (audio.paused ? start() : audio.pause()));
    wave.addEventListener('click', (event) => {
      start();
      const { left, width } = wave.getBoundingClientRect();
      audio.currentTime = (length() * (event.clientX - left)) / width;
    });
    for (const what of ['play', 'pause', 'ended', 'seeked']) audio.addEventListener(what, paint);
    audio.addEventListener('ended', () => ((audio.currentTime = 0), paint()));
    paint();
  }
})();
