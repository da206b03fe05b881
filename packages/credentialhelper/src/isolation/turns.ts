const last = new Map<string, Promise<unknown>>();

/**
 * Runs tasks with the same key one after the other, in the order they came; a task that fails does not hold up the next.
 */
export function inTurn<T>(key: string, task: () => Promise<T>): Promise<T> {
  const before = last.get(key) ?? Promise.resolve();
  const turn = before.then(task, task);
  last.set(key, turn);
  const forget = () => {
    if (last.get(key) === turn) last.delete(key);
  };
  turn.then(forget, forget);
  return turn;
}
