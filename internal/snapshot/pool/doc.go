// Package pool gives a data directory a file system that shares blocks: XFS in an image
// file, or a file system that the operator has mounted.
//
//	DATADIR/pool.img             the image, all of its blocks reserved; none with a partition
//	DATADIR/pool/                where it is mounted
//	DATADIR/pool/data/services   what DATADIR/services links to; volumes and snapshots likewise
//	DATADIR/pool/data/.pool      says that it is ours; written last
//
// While the pool is not mounted the links lead nowhere: nothing can be taken for an empty
// environment, and no container starts over an empty directory.
//
// The package runs mkfs.xfs, xfs_growfs, losetup, mount and cp. It knows the nouns only.
package pool
