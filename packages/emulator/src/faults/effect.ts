import type { Fault } from './fault.ts';

/** The members that decide which requests a fault applies to. */
const SELECTION: ReadonlySet<string> = new Set(['thingName', 'count', 'probability', 'seed']);

/** Describes what a fault does to a request. Of a response only the status: the rest may be credentials. */
export function describeEffect(fault: Fault): string {
  return Object.entries(fault)
    .filter(([name]) => !SELECTION.has(name))
    .map(([name, value]) => (name === 'response' ? `response ${value.status}` : `${name} ${value}`))
    .join(', ');
}
