import { PrivatePackage } from '../../support/private-package.ts';

await new PrivatePackage(import.meta.dirname).install();
