// Hash routes: the server need not know them, and the address says what is on screen (#/?q=rain&format=wav).

export type PageName = 'search' | 'recording' | 'map' | 'library' | 'teach';

/** What stands in an address; one that is spelled wrong stays as it is. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

class Router {
  page = $state<PageName>('search');
  id = $state<number | null>(null);
  /** What was taught, on its page. */
  name = $state<string | null>(null);
  params = $state.raw(new URLSearchParams());
  private back: string[] = [];

  constructor() {
    this.read();
    addEventListener('hashchange', () => this.read());
  }

  private read(): void {
    const [path = '', query = ''] = location.hash.replace(/^#/, '').split('?', 2);
    const [first, second] = path.split('/').filter(Boolean);
    this.params = new URLSearchParams(query);
    this.id = null;
    this.name = first === 'teach' && second ? decoded(second) : null;
    if (first === 'recording' && second && /^\d+$/.test(second)) {
      this.id = Number(second);
      this.page = 'recording';
    } else {
      this.page = first === 'map' || first === 'library' || first === 'teach' ? first : 'search';
    }
  }

  /** Go to a place: '/', '/recording/5', '/map', '/library', '/teach'. */
  go(path: string, params?: URLSearchParams, replace = false): void {
    const query = params?.toString();
    const hash = `#${path}${query ? `?${query}` : ''}`;
    if (hash === location.hash) return;
    if (replace) {
      history.replaceState(null, '', hash);
      this.read();
    } else {
      this.back.push(location.hash || '#/');
      location.hash = hash;
    }
  }

  /** The address of the search page as it was left. */
  searchHref = $state('#/');

  /** Back to where the page was before, else to the search. */
  leave(): void {
    if (this.back.pop() !== undefined) history.back();
    else location.hash = this.searchHref;
  }
}

export const router = new Router();
