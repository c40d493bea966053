/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is needed of the driver interface of NVIDIA's GPUs, libcuda.so.1, which
 * is opened at run time: its types and numbers are an ABI, and few hosts have
 * its headers.
 */
#ifndef CLINUX_CUDA_H
#define CLINUX_CUDA_H

#include <stddef.h>
#include <stdint.h>

typedef int CLinux_CUresult;
typedef int CLinux_CUdevice;
typedef unsigned long long CLinux_CUdeviceptr;
typedef struct CUctx_st *CLinux_CUcontext;
typedef struct CUmod_st *CLinux_CUmodule;
typedef struct CUfunc_st *CLinux_CUfunction;
typedef struct CUstream_st *CLinux_CUstream;

enum CLinux_CUresult_value {
	CLinux_CUDA_SUCCESS = 0,
	CLinux_CUDA_ERROR_INVALID_VALUE = 1,
	CLinux_CUDA_ERROR_STUB_LIBRARY = 34,
	CLinux_CUDA_ERROR_NO_DEVICE = 100,
	CLinux_CUDA_ERROR_NOT_READY = 600,
	CLinux_CUDA_ERROR_NOT_SUPPORTED = 801,
	CLinux_CUDA_ERROR_SYSTEM_DRIVER_MISMATCH = 803,
};

enum CLinux_CUdevice_attribute {
	CLinux_CU_DEVICE_ATTRIBUTE_GPU_DIRECT_RDMA_FLUSH_WRITES_OPTIONS = 117,
	CLinux_CU_DEVICE_ATTRIBUTE_GPU_DIRECT_RDMA_WRITES_ORDERING = 118,
	CLinux_CU_DEVICE_ATTRIBUTE_DMA_BUF_SUPPORTED = 124,
};

enum {
	CLinux_CU_POINTER_ATTRIBUTE_SYNC_MEMOPS = 6,
	CLinux_CU_MEM_RANGE_HANDLE_TYPE_DMA_BUF_FD = 1,
	/* A flag of the handle, since CUDA 12.8. */
	CLinux_CU_MEM_RANGE_FLAG_DMA_BUF_MAPPING_TYPE_PCIE = 1,
	/* What the attribute FLUSH_WRITES_OPTIONS may hold. */
	CLinux_CU_FLUSH_GPU_DIRECT_RDMA_WRITES_OPTION_HOST = 1,
	CLinux_CU_FLUSH_GPU_DIRECT_RDMA_WRITES_TARGET_CURRENT_CTX = 0,
	/* A scope; the attribute WRITES_ORDERING says what needs no flush. */
	CLinux_CU_FLUSH_GPU_DIRECT_RDMA_WRITES_TO_OWNER = 100,
	/* What the compiler in the driver takes: where its errors go. */
	CLinux_CU_JIT_ERROR_LOG_BUFFER = 5,
	CLinux_CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES = 6,
	/* A flag of a stream: it does not wait for the default one. */
	CLinux_CU_STREAM_NON_BLOCKING = 1,
};

typedef CLinux_CUresult (*CLinux_cuInit)(unsigned int flags);
typedef CLinux_CUresult (*CLinux_cuGetErrorText)(CLinux_CUresult error, const char **text);
typedef CLinux_CUresult (*CLinux_cuDeviceGetCount)(int *count);
typedef CLinux_CUresult (*CLinux_cuDeviceGet)(CLinux_CUdevice *device, int ordinal);
typedef CLinux_CUresult (*CLinux_cuDeviceGetText)(char *text, int size, CLinux_CUdevice device);
typedef CLinux_CUresult (*CLinux_cuDeviceTotalMem)(size_t *bytes, CLinux_CUdevice device);
typedef CLinux_CUresult (*CLinux_cuDeviceGetAttribute)(int *value, int attribute,
						       CLinux_CUdevice device);
typedef CLinux_CUresult (*CLinux_cuDevicePrimaryCtxRetain)(CLinux_CUcontext *context,
							   CLinux_CUdevice device);
typedef CLinux_CUresult (*CLinux_cuDevicePrimaryCtxRelease)(CLinux_CUdevice device);
typedef CLinux_CUresult (*CLinux_cuCtxSetCurrent)(CLinux_CUcontext context);
typedef CLinux_CUresult (*CLinux_cuCtxSynchronize)(void);
typedef CLinux_CUresult (*CLinux_cuMemAlloc)(CLinux_CUdeviceptr *address, size_t size);
typedef CLinux_CUresult (*CLinux_cuMemFree)(CLinux_CUdeviceptr address);
typedef CLinux_CUresult (*CLinux_cuMemAllocHost)(void **address, size_t size);
typedef CLinux_CUresult (*CLinux_cuMemFreeHost)(void *address);
typedef CLinux_CUresult (*CLinux_cuMemsetD8)(CLinux_CUdeviceptr address, unsigned char value,
					     size_t count);
typedef CLinux_CUresult (*CLinux_cuMemcpyDtoH)(void *to, CLinux_CUdeviceptr from, size_t count);
typedef CLinux_CUresult (*CLinux_cuMemcpyHtoD)(CLinux_CUdeviceptr to, const void *from,
					       size_t count);
typedef CLinux_CUresult (*CLinux_cuPointerSetAttribute)(const void *value, int attribute,
							CLinux_CUdeviceptr address);
typedef CLinux_CUresult (*CLinux_cuMemGetHandleForAddressRange)(void *handle,
								CLinux_CUdeviceptr address,
								size_t size, int type,
								unsigned long long flags);
typedef CLinux_CUresult (*CLinux_cuFlushGPUDirectRDMAWrites)(int target, int scope);
typedef CLinux_CUresult (*CLinux_cuModuleLoadDataEx)(CLinux_CUmodule *module, const void *image,
						     unsigned int count, int *options,
						     void **values);
typedef CLinux_CUresult (*CLinux_cuModuleUnload)(CLinux_CUmodule module);
typedef CLinux_CUresult (*CLinux_cuModuleGetFunction)(CLinux_CUfunction *function,
						      CLinux_CUmodule module, const char *name);
typedef CLinux_CUresult (*CLinux_cuStreamCreate)(CLinux_CUstream *stream, unsigned int flags);
typedef CLinux_CUresult (*CLinux_cuStreamDestroy)(CLinux_CUstream stream);
typedef CLinux_CUresult (*CLinux_cuStreamQuery)(CLinux_CUstream stream);
typedef CLinux_CUresult (*CLinux_cuLaunchKernel)(CLinux_CUfunction function, unsigned int grid_x,
						 unsigned int grid_y, unsigned int grid_z,
						 unsigned int block_x, unsigned int block_y,
						 unsigned int block_z, unsigned int shared,
						 CLinux_CUstream stream, void **parameters,
						 void **extra);

#endif
