import { consumers } from './kinds/consumers.ts';
import { nextApps } from './kinds/next.ts';
import { packageManagers } from './kinds/package-managers.ts';
import { nodes, orms } from './kinds/repository.ts';
import { servers } from './kinds/servers.ts';
import { typescripts } from './kinds/typescript.ts';
import type { Cell } from './support/cell.ts';

/** All cells, in the order in which `--all` runs them. */
export const CELLS: readonly Cell[] = [
  ...orms,
  ...nodes,
  ...servers,
  ...nextApps,
  ...packageManagers,
  ...typescripts,
  ...consumers,
];
