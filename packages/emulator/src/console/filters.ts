import type { RequestRecord } from '../http/request-record.ts';

/** Which requests are shown. */
export interface Filters {
  readonly endpoint: string;
  readonly status: string;
  /** A part of the name of the thing. */
  readonly thingName: string;
  /** A part of any text of the record. */
  readonly text: string;
}

/** The choices of the endpoint, and the one that is chosen first. */
export const ENDPOINTS: readonly string[] = [
  'all but control requests',
  'credential provider',
  'AWS APIs',
  'control requests',
];
/** The choices of the status. */
export const STATUSES: readonly string[] = ['all', '2xx', '4xx', '5xx'];

/** Shows what clients request. */
export const NO_FILTERS: Filters = {
  endpoint: 'all but control requests',
  status: 'all',
  thingName: '',
  text: '',
};

/** Returns which part of the emulator a request was for. */
export function endpointOf({ endpoint, path }: RequestRecord): string {
  if (endpoint === 'credentials') return 'credential provider';
  return path.startsWith('/_emulator/') ? 'control requests' : 'AWS APIs';
}

/** Returns whether a request is shown. */
export function matches(request: RequestRecord, filters: Filters): boolean {
  const { endpoint, status, thingName, text } = filters;
  const found = endpointOf(request);
  const isEndpoint =
    endpoint === NO_FILTERS.endpoint ? found !== 'control requests' : found === endpoint;
  if (!isEndpoint) return false;
  if (status !== 'all' && !String(request.status).startsWith(status.charAt(0))) return false;
  if (!contains(request.thingName ?? '', thingName)) return false;
  return text === '' || contains(JSON.stringify(request), text);
}

function contains(whole: string, part: string): boolean {
  return whole.toLowerCase().includes(part.toLowerCase());
}
