// The landscape as a page: everything is in it, nothing is asked for. What is open stands behind the # of the address.
(() => {
  'use strict';
  const data = JSON.parse(document.getElementById('data').textContent);
  const records = new Map(data.records.map((record) => [record.id, record]));
  const $ = (id) => document.getElementById(id);
  const root = document.documentElement;

  /** An element: make('p', {class: 'x'}, 'text', other). Texts stay texts. */
  function make(tag, attributes = {}, ...inside) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) if (value !== undefined && value !== false) element.setAttribute(name, value === true ? '' : value);
    element.append(...inside.flat().filter((one) => one !== undefined && one !== null && one !== ''));
    return element;
  }

  const current = (element, now) => (now ? element.setAttribute('aria-current', 'page') : element.removeAttribute('aria-current'));

  // -- what is asked for

  const state = { q: '', chosen: {}, view: 'records', id: '', picture: '', model: '', benchmark: '' };
  const GROUPS = [
    ['kind', 'Kind', (r) => [r.kind]],
    ['domain', 'Domain', (r) => r.domains ?? []],
    ['family', 'Family', (r) => (r.family ? [r.family] : [])],
    ['licence', 'Licence', (r) => (r.licence ? [r.licence] : [])],
    ['mark', 'Mark of its facts', (r) => r.marks ?? []],
    ['year', 'Year', (r) => (r.year ? [String(r.year)] : ['undated'])],
  ];
  const NEWEST_FIRST = (a, b) => (a === 'undated') - (b === 'undated') || b.localeCompare(a);

  function read() {
    const [path = '', query = ''] = decodeURI(location.hash.replace(/^#\/?/, '')).split('?', 2);
    const [view, ...rest] = path.split('/').map((part) => part.trim());
    const asked = new URLSearchParams(query);
    state.q = asked.get('q') ?? '';
    state.chosen = Object.fromEntries(GROUPS.map(([key]) => [key, new Set((asked.get(key) ?? '').split(',').filter(Boolean))]));
    state.view = ['pictures', 'contamination'].includes(view) ? view : 'records';
    state.id = view === 'record' && records.has(rest.join('/')) ? rest.join('/') : '';
    state.picture = view === 'pictures' ? rest[0] ?? '' : '';
    [state.model, state.benchmark] = view === 'contamination' ? [rest[0] ?? '', rest[1] ?? ''] : [state.model, state.benchmark];
  }
  /** The query part of an address: the filters outlive what is clicked. */
  function query() {
    const asked = new URLSearchParams();
    if (state.q) asked.set('q', state.q);
    for (const [key, values] of Object.entries(state.chosen)) if (values.size) asked.set(key, [...values].join(','));
    const text = asked.toString();
    return text ? `?${text}` : '';
  }
  const address = (id) => `#/record/${id}${query()}`;
  function filtered() {
    history.replaceState(null, '', `#/${state.id ? `record/${state.id}` : ''}${query()}`);
    if (state.view !== 'records') show();
    else draw();
  }

  // -- search and filters

  const plainly = (text) => text.toLowerCase().normalize('NFKD').replace(/[^\p{L}\p{N}]+/gu, ' ').trim();
  for (const record of data.records) {
    record.named = plainly([record.id, record.name, ...(record.aliases ?? [])].join(' '));
    record.said = plainly([record.about ?? '', record.family ?? '', ...(record.facts ?? []).map((fact) => `${fact.key} ${fact.value} ${fact.note ?? ''}`)].join(' '));
  }
  /** 0: not meant; the more, the nearer. Every word must be somewhere; names count most. */
  function fits(record, words) {
    let score = 0.01 * Math.min(record.degree, 40) + 0.1;
    for (const word of words) {
      const at = ` ${record.named}`.indexOf(` ${word}`);
      if (at >= 0) score += at === 0 ? 8 : 5;
      else if (record.named.includes(word)) score += 3;
      else if (record.said.includes(word)) score += 1;
      else return 0;
    }
    return score;
  }
  const passes = (record, but = '') =>
    GROUPS.every(([key, , of]) => key === but || !state.chosen[key].size || of(record).some((value) => state.chosen[key].has(value)));
  let found = [];
  function search() {
    const words = plainly(state.q).split(' ').filter(Boolean);
    const ranked = data.records.map((record) => [fits(record, words), record]).filter(([score]) => score > 0);
    if (words.length) ranked.sort((a, b) => b[0] - a[0] || a[1].name.localeCompare(b[1].name));
    return ranked.map(([, record]) => record);
  }

  const SHOWN = 8;
  const unfolded = new Set();
  function drawFilters(matching) {
    const form = $('filters');
    const focused = document.activeElement?.closest?.('#filters') ? document.activeElement.id : '';
    form.replaceChildren(
      ...GROUPS.map(([key, title, of]) => {
        const counts = new Map();
        for (const record of data.records) for (const value of of(record)) counts.set(value, 0);
        for (const record of matching) if (passes(record, key)) for (const value of of(record)) counts.set(value, counts.get(value) + 1);
        const order = [...counts.keys()].sort(key === 'year' ? NEWEST_FIRST : (a, b) => counts.get(b) - counts.get(a) || a.localeCompare(b));
        const kept = order.filter((value) => counts.get(value) || state.chosen[key].has(value));
        const boxes = kept.map((value, i) => {
          const box = make('input', { type: 'checkbox', id: `f-${key}-${value.replace(/\W+/g, '-')}`, name: key, value, 'data-at': i });
          box.checked = state.chosen[key].has(value);
          box.addEventListener('change', () => {
            state.chosen[key][box.checked ? 'add' : 'delete'](value);
            filtered();
          });
          return make('label', {}, box, make('span', {}, data.words[value] ?? value), make('small', {}, String(counts.get(value))));
        });
        const last = kept.findLastIndex((value) => state.chosen[key].has(value)); // what is chosen is never folded away
        const shown = Math.max(SHOWN, last + 1);
        const rest = boxes.slice(shown);
        const fold = rest.length > 1 ? [make('details', { open: unfolded.has(key) }, make('summary', {}, `${rest.length} more`), rest)] : rest;
        fold[0]?.addEventListener('toggle', (event) => unfolded[event.target.open ? 'add' : 'delete'](key));
        return make('fieldset', { 'data-group': key, hidden: !boxes.length }, make('legend', {}, title), ...boxes.slice(0, shown), ...fold);
      }),
    );
    if (focused) $(focused)?.focus();
  }

  // -- the list

  const kindly = (record) => [data.words[record.kind] ?? record.kind, record.family && (data.words[record.family] ?? record.family), (record.domains ?? []).join(', ')].filter(Boolean).join(' · ');
  function draw() {
    const matching = search();
    found = matching.filter((record) => passes(record));
    drawFilters(matching);
    $('count').textContent = found.length ? `${found.length} of ${data.records.length} records` : 'Nothing fits. Drop a word or a filter.';
    $('clear').hidden = !state.q && !Object.values(state.chosen).some((values) => values.size);
    const focused = document.activeElement?.closest?.('#rows') ? document.activeElement.dataset.id : '';
    $('rows').replaceChildren(
      ...found.map((record) =>
        make('li', {}, make('a', { href: address(record.id), 'data-id': record.id, 'aria-current': record.id === state.id ? 'page' : undefined },
          make('b', {}, record.name), make('span', { class: 'small' }, kindly(record)), make('span', { class: 'year' }, record.year ? String(record.year) : ''))),
      ),
    );
    if (focused) $('rows').querySelector(`a[data-id="${CSS.escape(focused)}"]`)?.focus();
    drawRecord();
  }

  // -- a record

  const mark = (value) => make('span', { class: `mark ${value}`, title: data.meaning[value] }, value);
  function source(text) {
    const parts = [];
    for (const part of String(text).split(/(https?:\/\/[^\s;,)]+|arXiv:\d{4}\.\d{4,5})/)) {
      const to = part.startsWith('arXiv:') ? `https://arxiv.org/abs/${part.slice(6)}` : part.startsWith('http') ? part : '';
      parts.push(to ? make('a', { href: to, rel: 'noreferrer', target: '_blank' }, part.replace(/^https?:\/\/(www\.)?/, '')) : part);
    }
    return parts;
  }
  const table = (head, rows, name) => make('table', { class: name }, make('thead', {}, make('tr', {}, head.map((words) => make('th', { scope: 'col' }, words)))), make('tbody', {}, rows));
  const link = (id) => make('a', { href: address(id) }, records.get(id)?.name ?? id);
  const value = (said) => (Array.isArray(said) ? said.join(', ') : typeof said === 'number' ? said.toLocaleString('en') : said);

  function counted(edge) {
    const share = edge.share ?? (edge.count !== undefined && edge.out_of ? edge.count / edge.out_of : undefined);
    const between = !['trained-on', 'evaluated-on'].includes(edge.type);
    const where = between ? [edge.part && (edge.part === 'all' ? 'all of it' : edge.part), edge.object_part && `in ${edge.object_part}`].filter(Boolean).join(' ') : edge.part && `part: ${edge.part}`;
    const number = edge.count !== undefined && edge.count.toLocaleString('en') + (edge.out_of ? ` of ${edge.out_of.toLocaleString('en')}` : '');
    const percent = share !== undefined && share.toLocaleString('en', { style: 'percent', maximumSignificantDigits: 3 }).replace('%', ' %');
    const without = edge.without?.length && `without ${edge.without.map((id) => records.get(id)?.name ?? id).join(', ')}`;
    const parts = [where, number, percent, edge.basis && `by ${edge.basis}`, without, edge.note];
    return parts.filter(Boolean).join(' · ');
  }
  function relations(record) {
    const groups = new Map();
    const put = (words, edge, other) => groups.set(words, [...(groups.get(words) ?? []), [edge, other]]);
    for (const edge of data.edges) {
      const [onward, back] = data.relations[edge.type];
      if (edge.subject === record.id) put(onward, edge, edge.object);
      if (edge.object === record.id) put(back, edge, edge.subject);
    }
    return [...groups].flatMap(([words, edges]) => [
      make('h3', {}, `${words} `, make('span', { class: 'dim' }, String(edges.length))),
      make('ul', { class: 'plainlist related' }, edges.map(([edge, other]) => make('li', {}, link(other), ' ', mark(edge.mark), ' ', make('span', { class: 'dim' }, counted(edge)), make('div', { class: 'dim' }, source(edge.source))))),
    ]);
  }
  function figures(record) {
    const mine = data.figures.filter((figure) => figure.model === record.id || figure.benchmark === record.id);
    if (!mine.length) return [];
    const other = mine[0].model === record.id ? 'benchmark' : 'model';
    mine.sort((a, b) => (records.get(a[other])?.name ?? a[other]).localeCompare(records.get(b[other])?.name ?? b[other]) || a.metric.localeCompare(b.metric) || b.value - a.value);
    const rows = mine.map((f) => make('tr', {}, make('td', {}, link(f[other]), f.variant ? make('div', { class: 'dim' }, f.variant) : ''), make('td', {}, f.metric), make('td', { class: 'number' }, String(f.value)), make('td', {}, [f.split, f.version, f.protocol].filter(Boolean).join(', ')), make('td', {}, data.words[f.by] ?? f.by), make('td', {}, mark(f.mark)), make('td', {}, source(f.source))));
    return [make('h3', {}, 'Published figures ', make('span', { class: 'dim' }, String(mine.length))), make('p', { class: 'small' }, 'Figures of different protocols, splits or versions are not to be ranked.'), table([other === 'model' ? 'Model' : 'Benchmark', 'Metric', 'Value', 'How', 'By', 'Mark', 'Source'], rows)];
  }
  function drawRecord() {
    const detail = $('detail');
    const record = records.get(state.id);
    $('records').classList.toggle('open', Boolean(record));
    for (const row of $('rows').querySelectorAll('a')) current(row, row.dataset.id === state.id);
    $('rows').querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest' });
    if (!record) {
      detail.replaceChildren(make('h2', {}, 'What leans on what'), make('p', {}, data.about), make('p', { class: 'dim' }, 'Choose a record, or type a few words. Every statement shows its source and how it was learnt:'), make('ul', { class: 'plainlist' }, Object.entries(data.meaning).map(([name, words]) => make('li', {}, mark(name), ' ', make('span', { class: 'dim' }, words)))));
      document.title = 'The landscape of audio and language · auricle';
      return;
    }
    document.title = `${record.name} · the landscape · auricle`;
    const paper = record.paper;
    const facts = (record.facts ?? []).filter((fact) => fact.key !== 'trap').map((fact) => make('tr', {}, make('th', { scope: 'row' }, (data.words[fact.key] ?? fact.key).replace(/[-_]/g, ' ')), make('td', {}, value(fact.value), fact.note ? make('div', { class: 'dim' }, fact.note) : ''), make('td', {}, mark(fact.mark), make('div', { class: 'dim date' }, fact.date)), make('td', {}, source(fact.source))));
    detail.replaceChildren(
      make('a', { class: 'back', href: `#/${query()}` }, '← All records'),
      make('h2', {}, record.name),
      make('p', { class: 'dim' }, [kindly(record), record.year || ''].filter(Boolean).join(' · ')),
      ...[record.about ? make('p', {}, record.about) : ''].filter(Boolean),
      ...(record.traps ?? []).map((words) => make('p', { class: 'trap' }, words)),
      make('p', { class: 'small' }, [`id ${record.id}`, record.aliases?.length ? ` · also ${record.aliases.join(', ')}` : '']),
      ...(paper?.title ? [make('p', { class: 'small' }, `${paper.title}${paper.year ? `, ${paper.year}` : ''}. `, paper.arxiv ? source(`arXiv:${paper.arxiv}`) : paper.url ? source(paper.url) : '')] : []),
      ...(record.links ?? []).map((to) => make('p', { class: 'small' }, source(to))),
      ...(record.kind === 'model' ? [make('p', {}, make('a', { href: `#/contamination/${record.id}` }, 'What may its scores claim?'))] : []),
      ...(data.tests.includes(record.id) ? [make('p', {}, make('a', { href: `#/contamination/-/${record.id}` }, 'Which models may have heard it?'))] : []),
      ...(data.pictures[`lineage-${record.id}`] ? [make('p', {}, make('a', { href: `#/pictures/lineage-${record.id}` }, 'Its lineage, drawn'))] : []),
      ...(facts.length ? [make('h3', {}, 'Facts'), table(['What', 'Value', 'Mark', 'Source'], facts, 'facts')] : []),
      ...relations(record), ...figures(record),
    );
    detail.scrollTop = 0;
  }

  // -- pictures and contamination

  function drawPicture() {
    const names = Object.keys(data.pictures);
    const chosen = names.includes(state.picture) ? state.picture : names[0];
    $('tabs').replaceChildren(...names.map((name) => make('a', { href: `#/pictures/${name}`, 'aria-current': name === chosen ? 'page' : undefined }, data.pictures[name])));
    $('sheet').replaceChildren($(`picture-${chosen}`).content.cloneNode(true));
  }
  const GRAVE = ['seen', 'partly', 'same-set', 'possible', 'pool', 'unknown', 'none known'];
  function drawAnswer() {
    const byName = (ids) => ids.map((id) => records.get(id)).filter(Boolean).sort((a, b) => a.name.localeCompare(b.name));
    const model = data.verdicts[state.model] ? state.model : '';
    const benchmark = data.tests.includes(state.benchmark) ? state.benchmark : '';
    const go = (to) => (location.hash = `#/contamination/${to}`);
    const choose = (id, words, options, now, changed) => {
      const select = make('select', { id }, make('option', { value: '' }, 'choose …'), options.map((one) => make('option', { value: one.id, selected: one.id === now }, one.name)));
      select.addEventListener('change', () => changed(select.value));
      return make('label', { for: id }, words, select);
    };
    const focused = document.activeElement?.id;
    $('contamination').replaceChildren(
      make('h2', {}, 'What may a score claim?'),
      make('p', { class: 'dim' }, 'A model that has heard the test before is not tested. This walks from what a model, and what it is built on, was trained on to what a test is made of.'),
      make('div', { class: 'ask' }, choose('ask-model', 'Model', byName(Object.keys(data.verdicts)), model, (id) => go(id)), choose('ask-benchmark', 'Benchmark or test set', byName(data.tests), benchmark, (id) => go(`${model || '-'}/${id}`))),
      make('div', { class: 'answer', id: 'answer', role: 'status' }, model && benchmark ? verdict(model, benchmark) : model ? ofModel(model) : benchmark ? ofTest(benchmark) : ''),
    );
    if (focused) $(focused)?.focus();
  }
  const said = (verdict) => data.words[verdict] ?? verdict;
  const verdictOf = (model, test) => data.verdicts[model].of[test] ?? { verdict: data.verdicts[model].rest, ways: [], left: data.verdicts[model].left };
  const gravest = (a, b) => GRAVE.indexOf(a[1].verdict) - GRAVE.indexOf(b[1].verdict) || records.get(a[0]).name.localeCompare(records.get(b[0]).name);
  function answers(what, them, to) {
    const rows = them.sort(gravest).map(([id, one]) => make('tr', {}, make('td', {}, make('a', { href: `#/contamination/${to(id)}` }, records.get(id).name)), make('td', {}, said(one.verdict)), make('td', {}, one.ways[0]?.words ?? ''), make('td', {}, one.ways[0] ? mark(one.ways[0].mark) : '')));
    return table([what, 'Verdict', 'Why', 'Mark'], rows, 'stack');
  }
  function ofModel(model) {
    const { rest, of } = data.verdicts[model];
    return [answers('Test', Object.entries(of), (id) => `${model}/${id}`), make('p', { class: 'dim' }, `All other tests: ${said(rest)}.`)];
  }
  const ofTest = (test) => [
    answers('Model', Object.keys(data.verdicts).filter((id) => data.verdicts[id].of[test]).map((id) => [id, data.verdicts[id].of[test]]), (id) => `${id}/${test}`),
    make('p', { class: 'dim' }, 'Models without a known way to this test, and without a score on it, are left out.'),
  ];
  function verdict(model, test) {
    const one = verdictOf(model, test);
    const [can, cannot] = data.claims[one.verdict];
    const names = (ids) => ids.flatMap((id, i) => [i ? ' → ' : '', link(id)]);
    const scores = data.figures.filter((figure) => figure.model === model && figure.benchmark === test);
    const unpublished = data.verdicts[model].unpublished;
    return [
      make('div', { class: `trap ${['seen', 'partly'].includes(one.verdict) ? 'bad' : ''}` }, make('p', { class: 'bigword' }, said(one.verdict)), make('p', {}, make('b', {}, 'It can claim '), `${can}.`), make('p', {}, make('b', {}, 'It cannot claim '), `${cannot}.`)),
      make('h3', {}, `Known ways ${one.ways.length}`),
      make('ol', {}, one.ways.map((way) => make('li', {}, `${way.words}. `, mark(way.mark), make('div', { class: 'small' }, names(way.via)), make('div', { class: 'small' }, way.sources.flatMap((text, i) => [i ? '; ' : '', ...source(text)]))))),
      ...(one.left ? [make('p', { class: 'dim', id: 'left' }, `${one.left === 1 ? '1 relation that nobody has read in its source is' : `${one.left} relations that nobody has read in their source are`} left out.${one.otherwise ? ` With them: ${said(one.otherwise)}.` : ''}`)] : []),
      ...(unpublished.length ? [make('p', { class: 'dim' }, 'Training data not published or not recorded: ', unpublished.flatMap((id, i) => [i ? ', ' : '', link(id)]), '.')] : []),
      ...(scores.length ? [make('h3', {}, 'The scores that this is about'), table(['Metric', 'Value', 'How', 'Source'], scores.map((f) => make('tr', {}, make('td', {}, f.metric), make('td', { class: 'number' }, String(f.value)), make('td', {}, [f.variant, f.split, f.version, f.protocol].filter(Boolean).join(', ')), make('td', {}, source(f.source)))))] : []),
    ];
  }

  function show() {
    read();
    for (const view of ['records', 'pictures', 'contamination']) $(view).hidden = view !== state.view;
    for (const tab of document.querySelectorAll('header nav a')) current(tab, tab.dataset.view === state.view);
    if ($('search').value !== state.q) $('search').value = state.q;
    if (state.view === 'records') draw();
    else if (state.view === 'pictures') drawPicture();
    else drawAnswer();
  }

  // -- theme and keys

  const system = matchMedia('(prefers-color-scheme: dark)');
  const isDark = () => (root.dataset.theme ? root.dataset.theme === 'dark' : system.matches);
  const sayTheme = () => ($('theme').textContent = isDark() ? 'Light' : 'Dark');
  function toggleTheme() {
    root.dataset.theme = isDark() ? 'light' : 'dark';
    try {
      localStorage.setItem('auricle.theme', root.dataset.theme);
    } catch {
      // Storage is off: the theme lasts as long as the page.
    }
    sayTheme();
  }
  try {
    const theme = localStorage.getItem('auricle.theme');
    if (theme === 'light' || theme === 'dark') root.dataset.theme = theme;
  } catch {
    // As above.
  }
  system.addEventListener('change', sayTheme);
  $('theme').addEventListener('click', toggleTheme);
  $('keys').addEventListener('click', () => $('help').showModal());
  $('help-close').addEventListener('click', () => $('help').close());
  $('clear').addEventListener('click', () => {
    state.q = $('search').value = '';
    for (const values of Object.values(state.chosen)) values.clear();
    filtered();
    $('search').focus();
  });
  let typed;
  $('search').addEventListener('input', () => {
    clearTimeout(typed);
    typed = setTimeout(() => {
      state.q = $('search').value;
      if (state.view !== 'records') location.hash = `#/${query()}`;
      else filtered();
    }, 60);
  });
  $('filters').addEventListener('submit', (event) => event.preventDefault());
  if (matchMedia('(max-width: 699px)').matches) document.querySelector('.rail').open = false;

  function walk(step) {
    const rows = [...$('rows').querySelectorAll('a')];
    const at = rows.findIndex((row) => row === document.activeElement);
    const from = at >= 0 ? at : rows.findIndex((row) => row.dataset.id === state.id);
    rows[Math.min(Math.max(from + step, 0), rows.length - 1)]?.focus();
  }
  addEventListener('keydown', (event) => {
    const inText = event.target instanceof HTMLInputElement && event.target.type === 'search';
    if (event.ctrlKey || event.metaKey || event.altKey || $('help').open) return;
    if (event.key === 'Escape' && inText) {
      if (state.q) {
        state.q = $('search').value = '';
        filtered();
      } else $('search').blur();
    } else if (inText && event.key === 'ArrowDown') walk(1);
    else if (inText && event.key === 'Enter' && found.length) location.hash = address(found[0].id);
    else if (inText || event.target instanceof HTMLSelectElement) return;
    else if (event.key === '/') $('search').focus();
    else if (event.key === '?') $('help').showModal();
    else if ((event.key === 'ArrowDown' || event.key === 'j') && state.view === 'records' && !$('detail').contains(event.target)) walk(1);
    else if ((event.key === 'ArrowUp' || event.key === 'k') && state.view === 'records' && !$('detail').contains(event.target)) walk(-1);
    else if (event.key === '[') history.back();
    else if (event.key === 'p') location.hash = '#/pictures';
    else if (event.key === 'c') location.hash = '#/contamination';
    else if (event.key === 'd') toggleTheme();
    else if (event.key === 'Escape') location.hash = `#/${query()}`;
    else return;
    event.preventDefault();
  });
  addEventListener('hashchange', show);
  sayTheme();
  show();
})();
