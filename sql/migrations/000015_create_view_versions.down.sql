DROP TABLE IF EXISTS view_versions
