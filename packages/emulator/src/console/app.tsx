import { useEffect, useState } from 'preact/hooks';
import { TOKEN_REJECTED } from './call.ts';
import { CredentialsPage } from './credentials-page.tsx';
import { FaultsPage } from './faults-page.tsx';
import { Navigation } from './navigation.tsx';
import { RequestsPage } from './requests-page.tsx';
import { type Route, useRoute } from './route.ts';
import { SignIn } from './sign-in.tsx';
import { ThingPage } from './thing-page.tsx';
import { ThingsPage } from './things-page.tsx';
import { readToken } from './token.ts';

/** The whole page. */
export function App() {
  const route = useRoute();
  const [wasRejected, setRejected] = useState(false);
  useEffect(() => {
    const reject = () => setRejected(true);
    window.addEventListener(TOKEN_REJECTED, reject);
    return () => window.removeEventListener(TOKEN_REJECTED, reject);
  }, []);
  if (readToken() === undefined) {
    return <SignIn wasRejected={wasRejected} onToken={() => setRejected(false)} />;
  }
  return (
    <>
      <button type="button" class="skip" onClick={skipToMain}>
        Skip to the content
      </button>
      <Navigation view={route.view} />
      <main id="main" tabIndex={-1}>
        <View {...route} key={`${route.view}/${route.name}?${route.query}`} />
      </main>
    </>
  );
}

function View({ view, name, query }: Route) {
  if (view === 'requests') return <RequestsPage thingName={query.get('thing') ?? ''} />;
  if (view === 'faults') return <FaultsPage />;
  if (view === 'credentials') return <CredentialsPage />;
  return name === undefined ? <ThingsPage /> : <ThingPage thingName={name} />;
}

/** Not a link: the fragment of the address is the view. */
function skipToMain() {
  document.getElementById('main')?.focus();
}
