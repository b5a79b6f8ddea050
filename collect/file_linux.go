package collect

import "golang.org/x/sys/unix"

// ofKernel reports whether fd is a file of procfs or sysfs, which gives new
// content to each reading from its beginning (statfs(2)).
func ofKernel(fd int) bool {
	var st unix.Statfs_t
	if err := unix.Fstatfs(fd, &st); err != nil {
		return false
	}
	return st.Type == unix.PROC_SUPER_MAGIC || st.Type == unix.SYSFS_MAGIC || st.Type == unix.CGROUP_SUPER_MAGIC || st.Type == unix.CGROUP2_SUPER_MAGIC
}
