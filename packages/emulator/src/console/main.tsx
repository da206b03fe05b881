// The console: a page that shows and changes the emulator, by control requests.
import { render } from 'preact';
import { App } from './app.tsx';

render(<App />, document.body);
