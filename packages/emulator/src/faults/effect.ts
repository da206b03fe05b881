import { type Fault, SELECTION } from './fault.ts';

/** Describes what a fault does to a request. Of a response only the status: the rest may be credentials. */
export function describeEffect(fault: Fault): string {
  return Object.entries(fault)
    .filter(([name]) => !SELECTION.has(name))
    .map(([name, value]) => (name === 'response' ? `response ${value.status}` : `${name} ${value}`))
    .join(', ');
}
