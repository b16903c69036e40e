import { type Batch, type Datastore, Key, type KeyQuery, type Pair, type Query } from 'interface-datastore';

type Source<T> = Iterable<T> | AsyncIterable<T>;

/** A datastore that outlives the node it is given to, as one on disk does. */
export class MemoryDatastore implements Datastore {
  readonly #values = new Map<string, Uint8Array>();

  put(key: Key, value: Uint8Array): Key {
    this.#values.set(key.toString(), value);
    return key;
  }

  get(key: Key): Uint8Array {
    const value = this.#values.get(key.toString());
    // libp2p tells what is not there by this name.
    if (value === undefined) throw Object.assign(new Error(`${key} is not there`), { name: 'NotFoundError' });
    return value;
  }

  has(key: Key): boolean {
    return this.#values.has(key.toString());
  }

  delete(key: Key): void {
    this.#values.delete(key.toString());
  }

  async *putMany(source: Source<Pair>): AsyncGenerator<Key> {
    for await (const { key, value } of source) yield this.put(key, value);
  }

  async *getMany(source: Source<Key>): AsyncGenerator<Pair> {
    for await (const key of source) yield { key, value: this.get(key) };
  }

  async *deleteMany(source: Source<Key>): AsyncGenerator<Key> {
    for await (const key of source) {
      this.delete(key);
      yield key;
    }
  }

  batch(): Batch {
    const todo: (() => void)[] = [];
    return {
      put: (key, value) => void todo.push(() => this.put(key, value)),
      delete: (key) => void todo.push(() => this.delete(key)),
      commit: () => {
        for (const work of todo.splice(0)) work();
      },
    };
  }

  async *query({ prefix = '', filters = [], orders = [], offset = 0, limit }: Query): AsyncGenerator<Pair> {
    let pairs = [...this.#values]
      .filter(([key]) => key.startsWith(prefix))
      .map(([key, value]) => ({ key: new Key(key), value }))
      .filter((pair) => filters.every((filter) => filter(pair)));
    for (const order of orders) pairs = pairs.toSorted(order);
    yield* pairs.slice(offset, limit === undefined ? undefined : offset + limit);
  }

  async *queryKeys({
    prefix = '',
    filters = [],
    orders = [],
    offset = 0,
    limit,
  }: KeyQuery): AsyncGenerator<Key> {
    let keys = [...this.#values.keys()]
      .filter((key) => key.startsWith(prefix))
      .map((key) => new Key(key))
      .filter((key) => filters.every((filter) => filter(key)));
    for (const order of orders) keys = keys.toSorted(order);
    yield* keys.slice(offset, limit === undefined ? undefined : offset + limit);
  }
}
