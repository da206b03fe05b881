import { useEffect, useState } from 'preact/hooks';
import { takeToken } from './token.ts';

/** The view that the address names. */
export interface Route {
  /** Such as `things`. */
  readonly view: string;
  /** What is shown of it, such as the name of a thing. */
  readonly name: string | undefined;
  readonly query: URLSearchParams;
}

/** Returns the link to a view. */
export function link(view: string, name?: string, query: Record<string, string> = {}): string {
  const path = name === undefined ? view : `${view}/${encodeURIComponent(name)}`;
  const parameters = new URLSearchParams(query).toString();
  return `#/${path}${parameters === '' ? '' : `?${parameters}`}`;
}

/** Returns the current view, and follows the address. */
export function useRoute(): Route {
  const [route, setRoute] = useState(readRoute);
  useEffect(() => {
    const follow = () => setRoute(readRoute());
    window.addEventListener('hashchange', follow);
    return () => window.removeEventListener('hashchange', follow);
  }, []);
  return route;
}

function readRoute(): Route {
  takeToken();
  const [path = '', query = ''] = location.hash.replace(/^#\/?/, '').split('?');
  const [view, name] = path.split('/');
  return {
    view: view || 'things',
    name: name === undefined ? undefined : decode(name),
    query: new URLSearchParams(query),
  };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
