import { FAULT_GROUPS, type FaultField } from './fault-fields.ts';

/** Returns the fault that a form describes. What is no number is left to the emulator's check. */
export function faultOf(values: FormData): Record<string, unknown> {
  const fault: Record<string, unknown> = {};
  const response: Record<string, unknown> = {};
  for (const field of FAULT_GROUPS.flatMap(({ fields }) => fields)) {
    const text = String(values.get(field.name) ?? '');
    if (text === '') continue;
    const [name = '', part] = field.name.split('.');
    if (part === undefined) fault[name] = readValue(field, text);
    else response[part] = readValue(field, text);
  }
  return Object.keys(response).length === 0 ? fault : { ...fault, response };
}

/** Returns the fields that a message of the emulator names. */
export function fieldsNamedIn(message: string): readonly string[] {
  const names = [...message.matchAll(/"([\w.]+)"/g)].map(([, name = '']) => name);
  return names.map((name) => (name === 'response' ? 'response.status' : name));
}

function readValue({ kind }: FaultField, text: string): unknown {
  if (kind === 'lines') return headersOf(text);
  if (kind === 'number' && text.trim() !== '' && !Number.isNaN(Number(text))) return Number(text);
  return text;
}

function headersOf(text: string): Record<string, string> {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return Object.fromEntries(
    lines.map((line) => {
      const [name = '', ...value] = line.split(':');
      return [name.trim(), value.join(':').trim()];
    }),
  );
}
