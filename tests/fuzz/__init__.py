"""Every public function against AnnData of every shape, kind and oddity."""
