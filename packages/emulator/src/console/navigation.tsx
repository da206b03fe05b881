import { link } from './route.ts';

const VIEWS = [
  ['things', 'Things'],
  ['requests', 'Requests'],
  ['faults', 'Faults'],
  ['credentials', 'Credentials'],
] as const;

/** The header with the links to the views. */
export function Navigation({ view }: { readonly view: string }) {
  return (
    <header>
      <p class="product">AWS IoT emulator</p>
      <nav aria-label="Views">
        <ul>
          {VIEWS.map(([name, title]) => (
            <li key={name}>
              <a href={link(name)} aria-current={name === view ? 'page' : undefined}>
                {title}
              </a>
            </li>
          ))}
        </ul>
      </nav>
    </header>
  );
}
