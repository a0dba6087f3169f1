/** What is kept for an object. */
export interface Box<V> {
  value?: V | undefined;
}

/** Makes its subclasses put their private fields on `target`. */
class Target {
  constructor(target: object) {
    return target;
  }
}

/**
 * Returns what finds the box of an object, a private field on it: copies of the object don't have it, and it goes with the
 * object. A WeakMap would do the same, but V8 keeps what one holds until the next full garbage collection: of each
 * request, the EntityManager and all that it has loaded.
 */
export function createBoxes<V>(): (target: object) => Box<V> {
  class Boxed extends Target {
    #box: Box<V> = {};
    static of(target: object): Box<V> {
      return (#box in target ? target : new Boxed(target)).#box;
    }
  }
  return Boxed.of;
}
