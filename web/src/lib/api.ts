// A typed client of /api/v1. Every failure is an ApiError; a server that does not answer is told to whoever listens (connection).

import type * as T from './types';

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    readonly hint: string,
    readonly retryable: boolean,
  ) {
    super(detail);
    this.name = 'ApiError';
  }
  /** The server did not answer at all. */
  get gone(): boolean {
    return this.status === 0;
  }
}

/** Any thrown thing as an ApiError, so that pages show one kind. Aborted calls stay as they are. */
export function asError(thrown: unknown): ApiError {
  if (thrown instanceof ApiError) return thrown;
  const detail = thrown instanceof Error ? thrown.message : String(thrown);
  return new ApiError(-1, 'page', detail, '', false);
}
export const isAbort = (thrown: unknown): boolean => thrown instanceof DOMException && thrown.name === 'AbortError';

type Listener = (reachable: boolean) => void;
const listeners = new Set<Listener>();
/** Tells, after each call, whether the server answered. Returns how to stop listening. */
export function onConnection(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
const tell = (reachable: boolean): void => listeners.forEach((listener) => listener(reachable));

let library: string | null = null;
/** The library that calls are about; null is the server's first. */
export function useLibrary(id: string | null): void {
  library = id;
}

type Value = string | number | boolean | null | undefined;
type Query = Record<string, Value | readonly (string | number)[]>;

/** The address of a resource of the API, with the library named. For <audio src> and the like. */
export function address(path: string, query: Query = {}): string {
  const q = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value === null || value === undefined || value === '') continue;
    if (Array.isArray(value)) value.forEach((one) => q.append(key, String(one)));
    else q.set(key, String(value));
  }
  if (library) q.set('library', library);
  const text = q.toString();
  return `/api/v1/${path}${text ? `?${text}` : ''}`;
}

async function problem(response: Response): Promise<ApiError> {
  try {
    const p = (await response.json()) as Partial<T.Problem>;
    return new ApiError(response.status, p.code ?? 'unknown', p.detail || p.title || response.statusText, p.hint ?? '', p.retryable ?? false);
  } catch {
    return new ApiError(response.status, 'unknown', `The server answered ${response.status}.`, '', response.status >= 500);
  }
}

export interface CallOptions {
  query?: Query;
  json?: unknown;
  body?: BodyInit;
  signal?: AbortSignal;
}

async function call(method: string, url: string, options: CallOptions = {}): Promise<Response> {
  const headers: Record<string, string> = {};
  if (method !== 'GET') headers['X-Auricle'] = 'page';
  let body = options.body;
  if (options.json !== undefined) {
    headers['Content-Type'] = 'application/json';
    body = JSON.stringify(options.json);
  }
  let response: Response;
  try {
    response = await fetch(url, { method, headers, body, signal: options.signal, credentials: 'same-origin' });
  } catch (thrown) {
    if (isAbort(thrown)) throw thrown;
    tell(false);
    throw new ApiError(0, 'gone', 'The server does not answer.', 'It may have been stopped: run “auricle ui” again.', true);
  }
  tell(true);
  if (!response.ok) throw await problem(response);
  return response;
}

export async function get<R>(path: string, query?: Query, signal?: AbortSignal): Promise<R> {
  return (await call('GET', address(path, query), { signal })).json() as Promise<R>;
}
export async function send<R>(method: 'POST' | 'DELETE', path: string, options: CallOptions = {}): Promise<R> {
  const response = await call(method, address(path, options.query), options);
  return (response.status === 204 ? undefined : await response.json()) as R;
}

/** An answer of JSON lines, each as it comes. A line that holds a problem is thrown. */
export async function* lines<R extends { problem?: T.Problem | null }>(path: string, json: unknown, signal?: AbortSignal): AsyncGenerator<R> {
  const response = await call('POST', address(path), { json, signal });
  const reader = response.body?.getReader();
  if (!reader) return;
  const decoder = new TextDecoder();
  let rest = '';
  let ended = false;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      ended = done;
      const parts = (rest + decoder.decode(value, { stream: !done })).split('\n');
      rest = done ? '' : (parts.pop() ?? '');
      for (const part of parts) {
        if (!part) continue;
        const line = JSON.parse(part) as R;
        yield line;
        if (line.problem) throw new ApiError(line.problem.status, line.problem.code, line.problem.detail, line.problem.hint, line.problem.retryable);
      }
      if (done) return;
    }
  } catch (thrown) {
    if (thrown instanceof TypeError) throw new ApiError(0, 'gone', 'The server does not answer any more.', 'What was heard so far is kept.', true);
    throw thrown;
  } finally {
    if (!ended) reader.cancel().catch(() => undefined);
  }
}

const filterQuery = (filters: Partial<T.Filters>): Query => ({ ...filters });
const name = (disposition: string | null): string => {
  const starred = disposition?.match(/filename\*=(?:UTF-8'')?([^;]+)/i)?.[1];
  if (starred) return decodeURIComponent(starred.trim());
  return disposition?.match(/filename="?([^";]+)"?/i)?.[1] ?? 'auricle-export';
};

export interface SpectrogramImage {
  url: string; // revoke it when done
  start: number;
  end: number;
  maxHz: number;
}

export const api = {
  live: async (): Promise<boolean> => {
    try {
      return (await fetch('/health/live', { cache: 'no-store' })).ok;
    } catch {
      return false;
    }
  },
  status: (signal?: AbortSignal) => get<T.Status>('status', {}, signal),

  // -- find
  search: (request: T.SearchRequest, signal?: AbortSignal) => send<T.SearchResponse>('POST', 'search', { json: request, signal }),
  similar: (span: T.Span, limit = 20, signal?: AbortSignal) =>
    get<T.SearchResponse>('similar', { recording_id: span.recording_id, start: span.start, end: span.end, limit }, signal),
  classify: (clip: T.Clip, labels: string[], exclusive = false) =>
    send<T.Classified>('POST', 'classify', { json: { clip, labels, exclusive } }),
  facets: (filters: Partial<T.Filters>, signal?: AbortSignal) => get<T.Facets>('facets', filterQuery(filters), signal),
  upload: (file: Blob, filename: string, signal?: AbortSignal) => {
    const body = new FormData();
    body.append('file', file, filename);
    return send<T.Upload>('POST', 'uploads', { body, signal });
  },

  // -- recordings
  recordings: (filters: Partial<T.Filters>, page: { sort?: string; offset?: number; limit?: number; name?: string }, signal?: AbortSignal) =>
    get<T.RecordingPage>('recordings', { ...filterQuery(filters), ...page }, signal),
  /** Just these, in this order (500 at most); those that are gone are left out. */
  recordingsOf: async (ids: readonly number[], signal?: AbortSignal) => (await get<T.RecordingPage>('recordings', { id: ids }, signal)).data,
  recording: (id: number, signal?: AbortSignal) => get<T.RecordingDetail>(`recordings/${id}`, {}, signal),
  audioUrl: (id: number, as?: 'wav') => address(`recordings/${id}/audio`, { as }),
  waveform: (id: number, range: { start?: number; end?: number; n?: number } = {}, signal?: AbortSignal) =>
    get<T.Waveform>(`recordings/${id}/peaks`, range, signal),
  peaks: (items: T.Span[], n: number, signal?: AbortSignal) => send<T.Peaks>('POST', 'peaks', { json: { items, n }, signal }),
  spectrogram: async (
    id: number,
    range: { start: number; end: number; width: number; height: number },
    signal?: AbortSignal,
  ): Promise<SpectrogramImage> => {
    const response = await call('GET', address(`recordings/${id}/spectrogram`, range), { signal });
    const number = (header: string, otherwise: number) => Number(response.headers.get(header) ?? otherwise);
    const url = URL.createObjectURL(await response.blob());
    return { url, start: number('X-Start', range.start), end: number('X-End', range.end), maxHz: number('X-Max-Hz', 16000) };
  },
  duplicates: (id: number, signal?: AbortSignal) => get<T.Duplicates>(`recordings/${id}/duplicates`, {}, signal),
  reveal: (id: number) => send<void>('POST', `recordings/${id}/reveal`),

  // -- tags, exports
  tags: (prefix: string, signal?: AbortSignal) => get<T.FacetValue[]>('tags', { prefix }, signal),
  tag: (request: T.TagRequest) => send<T.TagChange>('POST', 'tags', { json: request }),
  export: async (request: T.ExportRequest): Promise<{ blob: Blob; name: string }> => {
    const response = await call('POST', address('exports'), { json: request });
    return { blob: await response.blob(), name: name(response.headers.get('Content-Disposition')) };
  },

  // -- library
  libraries: () => get<T.LibraryInfo[]>('libraries'),
  library: (id: string) => get<T.LibraryInfo>(`libraries/${encodeURIComponent(id)}`),
  addFolder: (id: string, path: string) => send<T.JobInfo>('POST', `libraries/${encodeURIComponent(id)}/folders`, { json: { path } }),
  removeFolder: (id: string, path: string) => send<T.LibraryInfo>('DELETE', `libraries/${encodeURIComponent(id)}/folders`, { json: { path } }),
  index: (id: string, request: { retry_failed?: boolean; prune?: boolean } = {}) =>
    send<T.JobInfo>('POST', `libraries/${encodeURIComponent(id)}/index`, { json: request }),
  reindex: (id: string, model: string) => send<T.JobInfo>('POST', `libraries/${encodeURIComponent(id)}/reindex`, { json: { model } }),
  switchOver: (id: string) => send<T.LibraryInfo>('POST', `libraries/${encodeURIComponent(id)}/switch`),
  failures: (id: string, page: { cursor?: string | null; limit?: number } = {}) =>
    get<T.FailurePage>(`libraries/${encodeURIComponent(id)}/failures`, page),
  folders: (path?: string) => get<T.FolderListing>('folders', { path }),

  // -- map, jobs
  map: (signal?: AbortSignal) => get<T.MapInfo>('map', {}, signal),
  computeMap: () => send<T.JobInfo>('POST', 'map'),
  jobs: () => get<{ data: T.JobInfo[] }>('jobs'),
  job: (id: string) => get<T.JobInfo>(`jobs/${encodeURIComponent(id)}`),
  cancelJob: (id: string) => send<T.JobInfo>('DELETE', `jobs/${encodeURIComponent(id)}`),
  jobEvents: (id: string) => new EventSource(address(`jobs/${encodeURIComponent(id)}/events`)),
};
