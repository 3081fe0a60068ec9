// Mirror of src/auricle/service/schemas.py. Seconds are floats; keys are added, never renamed.

export type Source = 'sound' | 'words' | 'texts';

export interface Filters {
  folder: string[];
  format: string[];
  rate: number[];
  channels: number[];
  tag: string[];
  min_duration?: number | null;
  max_duration?: number | null;
  where?: string | null;
}
export interface Span {
  recording_id: number;
  start?: number;
  end?: number | null;
}
export interface Clip {
  recording_id?: number;
  upload_id?: string;
  start?: number;
  end?: number | null;
}
export interface SearchRequest {
  query?: string;
  like?: Clip | null;
  unwanted?: string[];
  filters?: Partial<Filters>;
  sources?: Source[];
  limit?: number;
  cursor?: string | null;
}
export interface TagRequest {
  recordings: number[];
  add?: string[];
  remove?: string[];
}
export interface MomentRef {
  recording_id: number;
  start: number;
  end: number;
  score?: number;
  label?: string;
}
export interface ExportRequest {
  format: string;
  moments: MomentRef[];
  label?: string | null;
  pad?: number;
  fade?: number;
}

export interface Tag {
  key: string;
  value: string;
  source: 'name' | 'file' | 'user';
}
export interface Moment {
  recording_id: number;
  name: string;
  folder: string;
  path: string;
  start: number;
  end: number;
  score: number;
  parts: Partial<Record<Source, number>>;
  why: Record<string, string>;
  duration: number;
  rate: number;
  channels: number;
  format: string;
  tags: Tag[];
  copies: string[];
  vanished: boolean;
}
export interface Understood {
  wanted: string;
  unwanted: string[];
}
export interface SearchResponse {
  data: Moment[];
  next_cursor: string | null;
  understood: Understood;
  suggestions: string[];
  took_ms: number;
  library: string;
  model: string;
  pipeline_id: string;
}
export interface RecordingRow {
  id: number;
  name: string;
  folder: string;
  path: string;
  duration: number;
  rate: number;
  channels: number;
  format: string;
  codec: string;
  bytes: number;
  recorded_at: string | null;
  added_at: string;
  vanished: boolean;
  tags: Tag[];
}
export interface SpokenText {
  text: string;
  start: number | null;
  end: number | null;
  source: string;
  language: string | null;
}
export interface RecordingDetail extends RecordingRow {
  latitude: number | null;
  longitude: number | null;
  texts: SpokenText[];
  copies: string[];
  windows: number;
  playable: 'native' | 'wav';
}
export interface RecordingPage {
  data: RecordingRow[];
  next_cursor: string | null;
  total: number;
  offset: number;
}
export interface FacetValue {
  value: string;
  count: number;
}
export type FacetName = 'folder' | 'format' | 'rate' | 'channels' | 'tag' | 'duration';
export type Facets = { total: number } & Record<FacetName, FacetValue[]>;
export interface Waveform {
  recording_id: number;
  start: number;
  end: number;
  min: number[];
  max: number[];
  rms: number[];
  loudness_db: number;
  peak_db: number;
}
export interface Peaks {
  data: Waveform[];
  missing: number[];
}
export interface DuplicateRow {
  recording_id: number;
  path: string;
  duration: number;
  kind: 'exact' | 'near';
  similarity: number;
}
export interface Duplicates {
  data: DuplicateRow[];
}
export interface Classified {
  scores: Record<string, number>;
  none: number | null;
  calibrated: boolean;
  exclusive: boolean;
  model: string;
  pipeline_id: string;
}
/** A line of what POST /detect/stream tells. */
export interface Listened {
  events?: { start: number; end: number; label: string; score: number; threshold: number }[];
  heard_to?: number;
  duration?: number;
  labels?: string[];
  /** The model's own. */
  threshold?: number;
  done?: boolean;
  problem?: Problem | null;
}
/** Where a second listener hears what is claimed. It supports a claim; it proves nothing. */
export interface EvidenceSpan {
  claim: string;
  start: number;
  end: number;
  score: number;
}
export interface Captioned {
  start: number;
  end: number;
  caption: string;
  evidence?: EvidenceSpan[];
  unsupported?: string[];
}
/** A line of what POST /captions and /caption/stream tell. */
export interface Timeline {
  captions?: Captioned[];
  heard_to?: number;
  done?: boolean;
  summary?: { summary: string; sounds: EvidenceSpan[] };
  stored?: boolean;
  problem?: Problem | null;
}
export interface Answered {
  question: string;
  answer: string;
  evidence: EvidenceSpan[];
  unsupported: string[];
  cannot_tell: boolean;
  start: number;
  end: number;
  model: string;
}
/** A line of what POST /ask/stream tells. */
export interface Answering {
  piece?: string;
  answer?: Answered;
  problem?: Problem | null;
}
export interface Upload {
  upload_id: string;
  duration: number;
  rate: number;
  channels: number;
  min: number[];
  max: number[];
}
export interface TagChange {
  changed: number;
  undo: TagRequest[];
}
export interface Root {
  path: string;
  present: boolean;
}
export interface LibraryInfo {
  id: string;
  name: string;
  path: string;
  state: 'empty' | 'ready' | 'broken' | 'model_missing';
  error: string | null;
  hint: string | null;
  model: string;
  pipeline_id: string;
  recordings: number;
  windows: number;
  hours: number;
  vanished: number;
  failures: number;
  writable: boolean;
  roots: Root[];
  job: string | null;
  beside: string | null;
  beside_state: 'none' | 'indexing' | 'partial' | 'ready' | 'previous';
}
export interface FailureInfo {
  path: string;
  kind: string;
  error: string;
  hint: string;
  attempts: number;
  at: string;
}
export interface FailurePage {
  data: FailureInfo[];
  next_cursor: string | null;
  total: number;
}
export interface FolderEntry {
  name: string;
  path: string;
  sounds: number;
}
export interface FolderListing {
  path: string;
  parent: string | null;
  folders: FolderEntry[];
  sounds: number;
}
export type JobState = 'queued' | 'running' | 'done' | 'failed' | 'cancelled' | 'interrupted';
export interface JobProgress {
  done?: number;
  total?: number;
  hours?: number;
  times_real_time?: number;
  seconds_left?: number | null;
  failed?: number;
  path?: string;
}
export interface JobInfo {
  id: string;
  kind: 'index' | 'reindex' | 'map';
  library: string;
  state: JobState;
  progress: JobProgress;
  result: Record<string, unknown> | null;
  error: Record<string, unknown> | null;
  created_at: string;
  ended_at: string | null;
}
export interface MapInfo {
  state: 'ready' | 'stale' | 'none';
  job: string | null;
  ids: number[];
  x: number[];
  y: number[];
  names: string[];
  method: string;
}
export interface ModelSummary {
  name: string;
  pipeline_id: string;
  dim: number;
  description: string;
  /** It answers in words; a library cannot be of it. */
  speaks: boolean;
}
export interface ExportFormat {
  name: string;
  suffix: string;
  opens: string;
}
export interface Status {
  version: string;
  library: string;
  libraries: LibraryInfo[];
  models: ModelSummary[];
  local: boolean;
  urls: boolean;
  /** Folder of the sounds that come with auricle, on this machine. */
  demo: string | null;
  formats: ExportFormat[];
}
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: string;
  hint: string;
  retryable: boolean;
  request_id: string;
}
