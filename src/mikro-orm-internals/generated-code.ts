import type { AnyOrm } from '../orm-source.js';

type Generate = (...args: unknown[]) => unknown;
interface Hydrator {
  getEntityHydrator: Generate;
}
type Comparator = Record<(typeof OF_CLASS)[number] | (typeof OF_KEY)[number] | 'getResultMapper', Generate>;

const OF_CLASS = ['getEntityComparator', 'getSnapshotGenerator'] as const;
const OF_KEY = ['getPkGetter', 'getPkGetterConverted', 'getPkSerializer'] as const;

/** Has MikroORM generate every function of every entity now, which it would do on first use: by `new Function`. */
export function generateCode(orm: AnyOrm): void {
  const metadata = orm.getMetadata();
  const hydrator = orm.config.getHydrator(metadata) as unknown as Hydrator;
  const comparator = orm.config.getComparator(metadata) as unknown as Comparator;
  const metas = new Set(metadata.getAll().values());
  for (const meta of metas) {
    // a property may lead to an embeddable that is described once more: what is added is visited, too
    meta.props.forEach(({ targetMeta }) => targetMeta && metas.add(targetMeta));
    const hasKey = meta.primaryKeys.length > 0;
    for (const type of hasKey ? ['full', 'reference'] : ['full']) {
      for (const normalized of [false, true]) {
        hydrator.getEntityHydrator(meta, type, normalized);
      }
    }
    OF_CLASS.forEach(name => comparator[name](meta.class));
    comparator.getResultMapper(meta);
    if (hasKey) {
      OF_KEY.forEach(name => comparator[name](meta));
    }
  }
}
