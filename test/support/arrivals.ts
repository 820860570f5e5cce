/** What comes by itself, to be waited for one after another, in the order in which it came. */
export class Arrivals<T> {
  readonly #come: T[] = [];
  readonly #waiting: ((one: T) => void)[] = [];

  readonly put = (one: T): void => {
    const taker = this.#waiting.shift();
    if (taker) taker(one);
    else this.#come.push(one);
  };

  readonly next = (): Promise<T> => {
    const one = this.#come.shift();
    return one === undefined ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve(one);
  };
}
